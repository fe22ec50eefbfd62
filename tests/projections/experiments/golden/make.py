"""Writes ``gbstats.json``: what GrowthBook's statistics say of made-up arms. Not run by the tests.

In an environment of its own (gbstats wants older libraries than we do):

    python -m venv oracle && oracle/bin/pip install gbstats==0.8.0
    oracle/bin/python tests/projections/experiments/golden/make.py
"""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest
from gbstats.models.statistics import (
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm

SEED, CASES = 20_261, 12


def mean(values: np.ndarray) -> SampleMeanStatistic:
    return SampleMeanStatistic(n=len(values), sum=float(values.sum()), sum_squares=float((values**2).sum()))


def told(result: Any) -> dict[str, Any]:
    plain = asdict(result)
    return {key: plain[key] for key in ("expected", "ci", "p_value", "chance_to_win", "risk") if key in plain} | {
        "deviation": plain["uplift"]["stddev"]
    }


def answers(a: Any, b: Any) -> dict[str, Any]:
    found = {}
    for kind in ("relative", "absolute"):
        found[f"t_{kind}"] = told(TwoSidedTTest(a, b, FrequentistConfig(difference_type=kind)).compute_result())
        sequential = SequentialConfig(difference_type=kind, sequential_tuning_parameter=4000)
        found[f"sequential_{kind}"] = told(SequentialTwoSidedTTest(a, b, sequential).compute_result())
        flat = EffectBayesianConfig(difference_type=kind)
        found[f"bayesian_{kind}"] = told(EffectBayesianABTest(a, b, flat).compute_result())
        prior = GaussianPrior(mean=0.01, variance=0.3**2, proper=True)
        proper = EffectBayesianConfig(difference_type=kind, prior_effect=prior)
        found[f"bayesian_prior_{kind}"] = told(EffectBayesianABTest(a, b, proper).compute_result())
    return found


def case(random: np.random.Generator, kind: str) -> dict[str, Any]:
    arms, stats = [], []
    for shift in (0.0, float(random.uniform(-0.3, 0.3))):
        n = int(random.integers(80, 4000))
        x = random.gamma(2.0, 30.0, n).round()
        y = (0.6 * x + random.gamma(2.0, 20.0, n) * (1 + shift)).round()
        hits = int(random.binomial(n, 0.1 * (1 + shift)))
        sums = [float(each) for each in (y.sum(), (y**2).sum(), x.sum(), (x**2).sum(), (x * y).sum())]
        arms.append({"n": n, "hits": hits, "sums": sums})
        if kind == "proportion":
            stats.append(ProportionStatistic(n=n, sum=hits))
        elif kind == "mean":
            stats.append(mean(y))
        elif kind == "ratio":
            stats.append(RatioStatistic(n=n, m_statistic=mean(y), d_statistic=mean(x), m_d_sum_of_products=sums[4]))
        else:
            stats.append(
                RegressionAdjustedStatistic(
                    n=n, post_statistic=mean(y), pre_statistic=mean(x), post_pre_sum_of_products=sums[4], theta=0
                )
            )
    return {"kind": kind, "arms": arms, "answers": answers(*stats)}


def main() -> None:
    random = np.random.default_rng(SEED)
    kinds = ("proportion", "mean", "ratio", "cuped")
    cases = [case(random, kinds[i % len(kinds)]) for i in range(CASES)]
    mismatches = []
    for arms in (2, 3, 5):
        counts = [int(c) for c in random.integers(900, 1100, arms)]
        weights = [float(w) for w in random.uniform(0.9, 1.1, arms)]
        mismatches.append({"counts": counts, "weights": weights, "p_value": float(check_srm(counts, weights))})
    told_ = {"gbstats": version("gbstats"), "seed": SEED, "cases": cases, "srm": mismatches}
    Path(__file__).with_name("gbstats.json").write_text(json.dumps(told_, indent=1) + "\n")


if __name__ == "__main__":
    main()
