"""Against GrowthBook's own statistics, as recorded in golden/gbstats.json (golden/make.py says how it was made)."""

import json
from pathlib import Path
from typing import Any

import pytest

from projections.experiments import bayesian, cuped, frequentist, moments, sequential, srm
from projections.experiments.bayesian import Posterior, Prior
from projections.experiments.frequentist import Estimate
from projections.experiments.moments import Sample

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("gbstats.json").read_text())


def samples(case: dict[str, Any]) -> tuple[Sample, Sample]:
    arms = case["arms"]
    if case["kind"] == "proportion":
        first, second = (moments.proportion(arm["n"], arm["hits"]) for arm in arms)
        return first, second
    whole = [(arm["n"], [round(each) for each in arm["sums"]]) for arm in arms]
    if case["kind"] == "mean":
        first, second = (moments.of_sums(n, sums[0], sums[1]) for n, sums in whole)
        return first, second
    a, b = (moments.of_product_sums((s[0], s[1]), (s[2], s[3]), s[4], n) for n, s in whole)
    return (moments.ratio(a), moments.ratio(b)) if case["kind"] == "ratio" else cuped.adjusted(a, b)


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-9)


def same_estimate(ours: Estimate | None, theirs: dict[str, Any]) -> None:
    assert ours is not None
    assert ours.value == close(theirs["expected"]) and ours.standard_error == close(theirs["deviation"])
    assert (ours.low, ours.high) == (close(theirs["ci"][0]), close(theirs["ci"][1]))
    assert ours.p_value == close(theirs["p_value"])


def same_posterior(ours: Posterior | None, theirs: dict[str, Any]) -> None:
    assert ours is not None
    assert ours.mean == close(theirs["expected"]) and ours.deviation == close(theirs["deviation"])
    assert (ours.low, ours.high) == (close(theirs["ci"][0]), close(theirs["ci"][1]))
    assert ours.chance == close(theirs["chance_to_win"])
    assert ours.loss_control == close(theirs["risk"][0]) and ours.loss_treatment == close(theirs["risk"][1])


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["kind"])
def test_equal_to_gbstats(case: dict[str, Any]) -> None:
    control, treatment = samples(case)
    answers = case["answers"]
    compared = frequentist.compare(control, treatment)
    looked = sequential.at(control, treatment, tuned=4000)
    assert compared is not None and looked is not None
    same_estimate(compared.relative, answers["t_relative"])
    same_estimate(compared.absolute, answers["t_absolute"])
    same_estimate(looked.relative, answers["sequential_relative"])
    same_estimate(looked.absolute, answers["sequential_absolute"])
    same_posterior(bayesian.relative(control, treatment), answers["bayesian_relative"])
    same_posterior(bayesian.absolute(control, treatment), answers["bayesian_absolute"])
    prior = Prior(0.01, 0.3)
    same_posterior(bayesian.relative(control, treatment, prior), answers["bayesian_prior_relative"])
    same_posterior(bayesian.absolute(control, treatment, prior), answers["bayesian_prior_absolute"])


@pytest.mark.parametrize("case", GOLDEN["srm"])
def test_mismatch_equal_to_gbstats(case: dict[str, Any]) -> None:
    found = srm.check(case["counts"], case["weights"])
    assert found is not None and found.p_value == close(case["p_value"])


def test_the_record_covers_each_kind() -> None:
    assert {case["kind"] for case in GOLDEN["cases"]} == {"proportion", "mean", "ratio", "cuped"}
    assert GOLDEN["gbstats"] and len(GOLDEN["srm"]) == 3
