"""Reports as plain data: what JSON has, tables are made of, and pages show. Names and units are the same in all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from msgspec import to_builtins

from projections.experiments.analysis import Result
from projections.experiments.segments import Segmented
from queries.experiment_report import ExperimentReport
from queries.explored_places import ExploredPlaces

Plain = dict[str, Any]


def finite(value: Any) -> Any:
    """JSON has neither infinity nor NaN: these are null."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def experiment(made: ExperimentReport, positions: Sequence[int], until_ms: int, currency: str) -> Plain:
    """Of an experiment, as JSON can have it. ``positions`` and ``until_ms``: what gives the same report again."""
    told: Plain = finite(_experiment(made, positions, until_ms, currency))
    return told


def _experiment(made: ExperimentReport, positions: Sequence[int], until_ms: int, currency: str) -> Plain:
    alpha, design = made.report.options.alpha, made.told.design
    return {
        "experiment": made.key,
        "state": made.told.state,
        "shipped": made.told.shipped,
        "coverage": made.told.coverage,
        "hypothesis": design.hypothesis,
        "primary_metric": made.primary,
        "guardrail_metrics": list(design.guardrail_metrics),
        "minimum_effect": design.minimum_effect,
        "standing": made.standing.value,
        "verdict": made.verdict,
        "positions": list(positions),
        "until_ms": until_ms,
        "currency": currency,
        "alpha": alpha,
        "planned": made.report.options.tuned,
        "control": made.report.options.control,
        "arms": dict(made.report.counts),
        "shares": {variant.name: variant.buckets for variant in design.variants},
        "targeting": design.targeting,
        "namespace": design.namespace.model_dump() if design.namespace else None,
        "holdout": design.holdout.model_dump() if design.holdout else None,
        "crossed": [{"arms": list(arms), "persons": count} for arms, count in made.crossed.items()],
        "srm": _shares(made),
        "corrections": corrections_plain(made.report.results),
        "results": [result_plain(each, alpha) for each in made.report.results],
        "outcome_board": [result_plain(each, alpha) for each in made.board.report.results],
        "paths": [
            {"arm": arm, "decided": path.decided, "looks": [asdict(look) for look in path.looks]}
            for arm, path in made.paths.items()
        ],
        "segments": segments_plain(made.segments, alpha),
        "bandit": _places(made.places, alpha) if made.places else None,
        "history": to_builtins(made.told.history),
        "notes": list(made.notes),
    }


def _shares(made: ExperimentReport) -> Plain | None:
    if made.mismatch is None:
        return None
    return asdict(made.mismatch) | {"came": dict(made.came), "since_ms": made.shared_ms}


def _places(places: ExploredPlaces, alpha: float) -> Plain:
    """What bandits chose: a round is a place that was seen, its reward a click on it."""
    arms = [
        {"arm": arm}
        | asdict(of)
        | {"significant": None if of.p_corrected is None or of.thin else of.p_corrected < alpha}
        for arm, of in places.arms.items()
    ]
    return {"arms": arms, "unread_decisions": places.unread, "untold_places": places.untold}


def segments_plain(segments: Mapping[str, Segmented], alpha: float) -> list[Plain]:
    """Dimensions, each with its segments."""
    return [
        {
            "by": name,
            "warning": each.warning,
            "differ": [{"metric": metric, "arm": arm, "p_value": p} for (metric, arm), p in each.differ.items()],
            "segments": [
                {"segment": segment, "results": [result_plain(result, alpha) for result in results]}
                for segment, results in each.results.items()
            ],
        }
        for name, each in segments.items()
    ]


def corrections_plain(results: Sequence[Result]) -> list[Plain]:
    """Families of questions: what is corrected together, how, and how many they are."""
    families = dict.fromkeys(each.family for each in results if each.family)
    asked = {family: sum(r.family == family and r.p_value is not None for r in results) for family in families}
    return [{"family": f.name, "of": f.words, "correction": f.how.value, "asked": n} for f, n in asked.items() if n]


def result_plain(result: Result, alpha: float) -> dict[str, Any]:
    """As JSON has it. Statistics under the name of their test too, z or t."""
    comparison = result.comparison
    plain: dict[str, Any] = {
        "metric": result.metric,
        "arm": result.arm,
        "kind": result.kind,
        "control": {"n": result.control.n, "mean": result.control.unadjusted},
        "treatment": {"n": result.treatment.n, "mean": result.treatment.unadjusted},
        "capped_at": result.limit,
    }
    if comparison:
        plain |= {
            "test": comparison.test,
            "statistic": comparison.statistic,
            comparison.test: comparison.statistic,
            "p_value": result.p_value,
            "p_corrected": result.p_corrected,
            "significant": result.significant(alpha),
            "family": result.family.name if result.family else None,
            "absolute": asdict(comparison.absolute),
            "relative": asdict(comparison.relative) if comparison.relative else None,
        }
    plain["bayesian"] = asdict(result.posterior) if result.posterior else None
    plain["sequential"] = asdict(result.sequence) if result.sequence else None
    if result.kept is not None:
        unadjusted = result.plain.statistic if result.plain else None
        plain["cuped"] = {"variance_left": result.kept, "statistic_without": unadjusted}
    return plain
