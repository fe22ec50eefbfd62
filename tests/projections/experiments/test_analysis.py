"""A whole experiment: verdicts, blocks, segments, looks."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from projections.experiments import segments, steps
from projections.experiments.analysis import Metric, Options, Report, analyse
from projections.experiments.correction import Correction, Family, benjamini_hochberg, holm
from projections.experiments.moments import Sample, of_pairs, proportion
from projections.experiments.verdict import Standing, change_of, sentence, standing, verdict


def rates(**successes: int) -> dict[str, Sample]:
    return {arm: proportion(10_000, n) for arm, n in successes.items()}


def report(shares: dict[str, float] | None = None, **successes: int) -> Report:
    counts = dict.fromkeys(successes, 10_000)
    metrics = [Metric("conversion", rates(**successes)), Metric("refunds", rates(**dict.fromkeys(successes, 300)))]
    return analyse(metrics, counts, Options("off", shares=shares or {}))


def test_a_winner_is_named_with_its_interval() -> None:
    found = report(off=500, on=620)
    told = verdict(found, "conversion")
    assert told.startswith("on is better than off in conversion: +24.0%, 95 % interval +") and "…" in told
    assert "asked for is not shown" in verdict(found, "conversion", minimum_effect=0.2)
    assert "asked for" not in verdict(found, "conversion", minimum_effect=0.05)
    assert verdict(found, "conversion", lower_is_better=("conversion",)).startswith("on is worse")


def test_where_the_relative_change_would_hide_what_was_shown_the_difference_is_told() -> None:
    arms = {"off": proportion(200, 35), "on": proportion(200, 100)}
    (result,) = analyse([Metric("conversion", arms)], {"off": 200, "on": 200}, Options("off", tuned=5_000)).results
    assert result.sequence and result.sequence.relative and result.sequence.relative.low < 0
    assert result.sequence.absolute.low > 0
    said = sentence(result, 0.05)
    assert "higher than the control, +32.5 percentage points, 95 % interval +" in said
    told = change_of(result)
    assert told is not None and 0 < told.low < told.value < told.high
    assert told.low == pytest.approx(result.sequence.absolute.low / 0.175)


def test_nothing_shown_is_not_nothing_there() -> None:
    found = report(off=500, on=505)
    assert verdict(found, "conversion") == "no difference in conversion is shown. That is not to say there is none."
    assert "There may be one within this interval" in sentence(found.results[0], 0.05)


def test_a_mismatch_blocks_the_verdict() -> None:
    found = report(shares={"off": 40, "on": 60}, off=500, on=900)
    assert found.blocked and verdict(found, "conversion").startswith("no verdict")


def test_a_guard_rail_that_is_harmed_is_no_win() -> None:
    metrics = [Metric("conversion", rates(off=500, on=620)), Metric("refunds", rates(off=300, on=420))]
    found = analyse(metrics, {"off": 10_000, "on": 10_000}, Options("off"))
    told = verdict(found, "conversion", lower_is_better=("refunds",), guardrails=("refunds",))
    assert "on harms refunds" in told and "better" not in told


def test_p_values_are_for_all_that_was_asked() -> None:
    metrics = [Metric(f"m{i}", rates(off=500, on=500 + 20 * i)) for i in range(4)]
    counts = {"off": 10_000, "on": 10_000}
    plain = analyse(metrics, counts, Options("off", correction=Correction.NONE)).results
    corrected = analyse(metrics, counts, Options("off")).results
    assert [each.p_corrected for each in plain] == [each.p_value for each in plain]
    assert all((a.p_corrected or 0) >= (b.p_corrected or 0) for a, b in zip(corrected, plain, strict=True))
    assert corrected[3].p_corrected == pytest.approx(4 * (plain[3].p_value or 0))


def test_families_are_corrected_each_by_itself() -> None:
    """Three arms and ten metrics: the first decides, two must not get worse, the others are for ideas."""
    random = np.random.default_rng(4)
    counts = dict.fromkeys(("off", "a", "b", "c"), 10_000)
    metrics = [Metric(f"m{i}", rates(**{arm: 500 + int(random.integers(0, 90)) for arm in counts})) for i in range(10)]
    first = Family("primary", Correction.HOLM, "the primary metric")
    guards, others = (Family(name, Correction.BH, name) for name in ("guards", "others"))
    families = {"m0": first, "m1": guards, "m2": guards} | {f"m{i}": others for i in range(3, 10)}
    found = analyse(metrics, counts, Options("off", families=families)).results
    by = {family: [r for r in found if r.family == family] for family in (first, guards, others)}
    assert [len(each) for each in by.values()] == [3, 6, 21]
    for family, results in by.items():
        how = {Correction.HOLM: holm, Correction.BH: benjamini_hochberg}[family.how]
        assert [r.p_corrected for r in results] == how([r.p_value or 0.0 for r in results])
    alone = analyse(metrics[:1], counts, Options("off", families=families)).results
    assert [r.p_corrected for r in alone] == [r.p_corrected for r in by[first]], "whatever else is measured"
    together = analyse(metrics, counts, Options("off")).results
    assert any((one.p_corrected or 0) > (r.p_corrected or 0) for one, r in zip(together, found, strict=True))


def test_nothing_there_is_hardly_ever_found_in_any_arm() -> None:
    """1,000 experiments of four arms alike: of the primary metric any false find in 5 % at most, of the guard-rails any
    false alarm as well, as long as there is no harm at all."""
    random = np.random.default_rng(12)
    first = Family("primary", Correction.HOLM, "the primary metric")
    guards = Family("guards", Correction.BH, "guard-rails")
    options = Options("off", families={"m": first, **{f"g{i}": guards for i in range(4)}})
    counts, wrong = dict.fromkeys(("off", "a", "b", "c"), 2_000), Counter[str]()
    for _ in range(1_000):
        metrics = [
            Metric(name, {arm: proportion(2_000, int(random.binomial(2_000, 0.1))) for arm in counts})
            for name in ("m", "g0", "g1", "g2", "g3")
        ]
        report = analyse(metrics, counts, options)
        wrong.update({r.family.name for r in report.results if r.family and r.significant(0.05)})
    assert 0 < wrong["primary"] < 65 and 0 < wrong["guards"] < 65


def test_a_covariate_makes_it_sharper() -> None:
    random = np.random.default_rng(6)
    x = random.standard_normal(4000)
    y = x + 0.3 * random.standard_normal(4000) + np.repeat([0.0, 0.05], 2000)
    pairs = {"off": of_pairs(y[:2000], x[:2000]), "on": of_pairs(y[2000:], x[2000:])}
    metric = Metric("spend", {arm: pair.y for arm, pair in pairs.items()}, pairs)
    (found,) = analyse([metric], {"off": 2000, "on": 2000}, Options("off")).results
    assert found.kept is not None and found.kept < 0.15 and found.comparison and found.plain
    assert found.comparison.absolute.standard_error < found.plain.absolute.standard_error / 2
    assert found.control.unadjusted == pytest.approx(y[:2000].mean())


def test_without_a_control_there_is_no_experiment() -> None:
    with pytest.raises(ValueError, match="no arm of this name"):
        analyse([], {"a": 1, "b": 2}, Options("off"))
    with pytest.raises(ValueError, match="two arms"):
        analyse([], {"off": 1}, Options("off"))


def test_segments_are_corrected_together_and_warned_of() -> None:
    parts = {f"s{i}": [Metric("conversion", rates(off=500, on=560))] for i in range(20)}
    found = segments.segmented(parts, Options("off"))
    assert "20 comparisons" in found.warning and "1.0 would look significant" in found.warning
    assert not any(each[0].significant(0.05) for each in found.results.values())
    assert found.differ[("conversion", "on")] == pytest.approx(1)
    parts["odd"] = [Metric("conversion", rates(off=500, on=900))]
    assert segments.segmented(parts, Options("off")).differ[("conversion", "on")] < 1e-6


def test_a_second_dimension_asks_more_of_the_same_units() -> None:
    parts = {f"s{i}": [Metric("conversion", rates(off=500, on=560 + 10 * i))] for i in range(4)}
    alone = segments.segmented(parts, Options("off"))
    both = segments.crossed({"channel": parts, "before": dict(parts)}, Options("off"))
    assert set(both) == {"channel", "before"} and "8 comparisons" in both["before"].warning
    for name in parts:
        once, twice = alone.results[name][0], both["channel"].results[name][0]
        assert once.p_value == twice.p_value and (twice.p_corrected or 0) >= (once.p_corrected or 0)
    assert (both["channel"].results["s3"][0].p_corrected or 0) > (alone.results["s3"][0].p_corrected or 0)
    assert both["channel"].differ == alone.differ


def test_a_verdict_comes_to_one_word() -> None:
    assert standing(report(off=500, on=620), "conversion") is Standing.BETTER
    assert standing(report(off=500, on=620), "conversion", ("conversion",)) is Standing.WORSE
    assert standing(report(off=500, on=505), "conversion") is Standing.NOT_SHOWN
    assert standing(report(shares={"off": 40, "on": 60}, off=500, on=900), "conversion") is Standing.BLOCKED
    metrics = [Metric("conversion", rates(off=500, on=620)), Metric("refunds", rates(off=300, on=420))]
    harmed = analyse(metrics, {"off": 10_000, "on": 10_000}, Options("off"))
    assert standing(harmed, "conversion", ("refunds",), ("refunds",)) is Standing.HARM


def test_an_arm_with_nothing_at_all_has_no_ratio_and_is_no_error() -> None:
    metrics = [Metric("conversion", rates(off=500, on=0))]
    (found,) = analyse(metrics, {"off": 10_000, "on": 10_000}, Options("off", tuned=20_000)).results
    assert found.sequence is not None and found.sequence.relative is None
    assert found.sequence.absolute.high < 0


def test_looks_and_the_one_that_decides() -> None:
    day = {"off": proportion(1000, 50), "on": proportion(1000, 75)}
    so_far = steps.cumulated([(str(i), day) for i in range(20)])
    assert so_far[-1][1]["on"].n == 20_000
    path = steps.path(so_far, "off", "on", 0.05, 40_000)
    assert len(path.looks) == 20 and path.decided is not None and int(path.decided) > 1
    widths = [look.estimate.high - look.estimate.low for look in path.looks]
    assert widths == sorted(widths, reverse=True)
    same = steps.path(steps.cumulated([("1", {**day, "on": day["off"]})]), "off", "on", 0.05, 2000)
    assert same.decided is None


def test_a_sequence_speaks_of_its_own_interval() -> None:
    metric = Metric("conversion", rates(off=500, on=565))
    counts = {"off": 10_000, "on": 10_000}
    fixed, looked = (analyse([metric], counts, replace(Options("off"), tuned=t)).results[0] for t in (None, 20_000))
    assert fixed.significant(0.05) and not looked.significant(0.05)
