"""Segments: where does it work? Whoever asks often enough finds something, so p-values are corrected for all segments
asked about, and what counts is whether segments differ from one another at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy import special

from projections.experiments.analysis import Metric, Options, Result, analyse, with_corrections
from projections.experiments.correction import Family

FISHING = (
    "segments are for ideas: {questions} comparisons were made, and {expected:.1f} would look significant by chance "
    "without the correction; confirm one in an experiment of its own"
)


@dataclass(frozen=True, slots=True)
class Segmented:
    """``results``: segment → results, corrected over all. ``differ``: (metric, arm) → p-value of "the same in all
    segments"."""

    results: Mapping[str, tuple[Result, ...]]
    differ: Mapping[tuple[str, str], float]
    warning: str


def segmented(parts: Mapping[str, Sequence[Metric]], options: Options) -> Segmented:
    """``parts``: segment → metrics of its units. Segments without a control are left out."""
    found: list[tuple[str, Result]] = []
    for segment, metrics in parts.items():
        counts = {arm: sample.n for arm, sample in metrics[0].arms.items()} if metrics else {}
        if options.control in counts and len(counts) > 1:
            found += [(segment, result) for result in analyse(metrics, counts, options).results]
    family = Family("segments", options.correction, "all segments, arms and metrics asked about")
    results = with_corrections([replace(result, family=family) for _, result in found])
    by_segment: dict[str, list[Result]] = {}
    for (segment, _), result in zip(found, results, strict=True):
        by_segment.setdefault(segment, []).append(result)
    found_by = {name: tuple(each) for name, each in by_segment.items()}
    return Segmented(found_by, _differ(results), _warning(results, options))


def crossed(dimensions: Mapping[str, Mapping[str, Sequence[Metric]]], options: Options) -> dict[str, Segmented]:
    """Dimension → its segments, as ``segmented`` finds them, corrected over all dimensions together: whoever looks at
    a second one asks more questions of the same units."""
    apart = {name: segmented(parts, options) for name, parts in dimensions.items()}
    every = [result for each in apart.values() for results in each.results.values() for result in results]
    again = iter(with_corrections(every))
    warning = _warning(every, options)
    return {
        name: replace(
            each,
            results={segment: tuple(next(again) for _ in results) for segment, results in each.results.items()},
            warning=warning,
        )
        for name, each in apart.items()
    }


def _warning(results: Sequence[Result], options: Options) -> str:
    questions = sum(result.p_value is not None for result in results)
    return FISHING.format(questions=questions, expected=questions * options.alpha)


def _differ(results: Sequence[Result]) -> dict[tuple[str, str], float]:
    pairs: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.comparison:
            pairs.setdefault((result.metric, result.arm), []).append(result)
    return {pair: heterogeneity(each) for pair, each in pairs.items() if len(each) > 1}


def heterogeneity(results: Sequence[Result]) -> float:
    """Cochran's Q (1954): the p-value of one and the same absolute difference in all segments."""
    known = [result.comparison.absolute for result in results if result.comparison]
    weights = [each.standard_error**-2 for each in known]
    mean = sum(w * each.value for w, each in zip(weights, known, strict=True)) / sum(weights)
    q = sum(w * (each.value - mean) ** 2 for w, each in zip(weights, known, strict=True))
    return float(special.chdtrc(len(known) - 1, q))
