"""An experiment of a user's own file: a row is a unit, or a row is an arm, a metric and a step, already counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.datasets.table import Gaps, Labels, Table, columns_of, read
from app.evaluation import aggregated
from app.evaluation.arms import control_of, counts_of, shares_of
from projections.experiments import capping, srm, steps
from projections.experiments.analysis import RATIO, Metric, Options, Report, analyse
from projections.experiments.bayesian import Prior
from projections.experiments.correction import Correction
from projections.experiments.moments import Floats, Sample, of_pairs, of_values, ratio
from projections.experiments.segments import Segmented, segmented
from projections.experiments.sequential import TUNED
from projections.experiments.steps import Path as LookPath

MOST_SEGMENTS = 100
Masks = Mapping[str, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for. ``planned``: units in two arms together, to which sequences are tuned."""

    arm: str
    metrics: tuple[str, ...]
    control: str | None = None
    covariate: str | None = None
    segment: str | None = None
    step: str | None = None
    ratios: tuple[tuple[str, str], ...] = ()
    cap: float | None = None
    alpha: float = 0.05
    correction: Correction = Correction.HOLM
    sequential: bool = False
    planned: int | None = None
    cumulative: bool = False
    prior: Prior | None = None
    shares: str | None = None
    missing: Gaps = Gaps.REFUSE


@dataclass(frozen=True, slots=True)
class Found:
    """``paths``: (metric, arm) → looks."""

    report: Report
    segments: Segmented | None
    paths: Mapping[tuple[str, str], LookPath]
    warnings: tuple[str, ...] = ()


def evaluate(path: Path, asked: Asked, advance: Callable[[int], None] = lambda n: None) -> Found:
    """Raises ValueError that names file, line and column; MissingPackageError."""
    columns = columns_of(path)
    if aggregated.is_one(columns, asked.metrics):
        return _aggregated(path, asked, columns, advance)
    words = [asked.arm, *(name for name in (asked.segment, asked.step) if name)]
    numbers = [*asked.metrics, *(name for pair in asked.ratios for name in pair)]
    numbers += [asked.covariate] if asked.covariate else []
    return of_table(read(path, words, numbers, advance, gaps=asked.missing), asked)


def of_table(table: Table, asked: Asked) -> Found:
    """A row is a unit. Raises ValueError."""
    arms = table.words[asked.arm]
    counts = counts_of(asked.arm, arms)
    control = control_of(arms.names, asked.control)
    sizes = sorted(counts.values(), reverse=True)
    sequential = asked.sequential or asked.step is not None
    planned = asked.planned or TUNED
    shares = shares_of(asked.shares, arms.names)
    tuned = planned if sequential else None
    options = Options(control, asked.alpha, asked.correction, tuned, asked.prior, shares)
    values = _values(table, asked)
    masks = {name: arms.where(name) for name in arms.names}
    metrics = _metrics(values, table, asked, masks)
    report = analyse(metrics, counts, options)
    segments = _segments(values, table, asked, masks, options) if asked.segment else None
    found = _paths(values, table, asked, masks, options, planned) if asked.step else {}
    warnings = ["an arm has fewer than 30 units: intervals are not to be believed"] if sizes[-1] < 30 else []
    return Found(report, segments, found, (*warnings, *_missing(table, masks)))


def _missing(table: Table, masks: Masks) -> list[str]:
    """What rows without a value do to each column; where they are not alike in all arms, what is left is not either."""
    said = []
    for name, values in table.numbers.items():
        gaps = np.isnan(values)
        if gaps.any():
            parts = [(int((gaps & mask).sum()), int(mask.sum())) for mask in masks.values()]
            found = srm.check([gone for gone, _ in parts], [float(n) for _, n in parts])
            more = "; they are not alike in all arms, so it compares others than came" if found and found.found else ""
            said.append(f"{name}: {int(gaps.sum()):,} rows without a value are left out{more}")
    return said


def _values(table: Table, asked: Asked) -> dict[str, tuple[Floats, float | None]]:
    """Metric → values (n,) and their cap, where there is one."""
    found: dict[str, tuple[Floats, float | None]] = {}
    for name in asked.metrics:
        values = table.numbers[name]
        there = values[~np.isnan(values)]
        if not len(there):
            raise ValueError(f"{name}: no row has a value")
        if asked.cap is None or set(np.unique(there)) <= {0.0, 1.0}:
            found[name] = values, None
        else:
            limit = capping.cap(there, asked.cap)
            found[name] = np.minimum(values, limit), limit
    return found


def _metrics(values: dict[str, tuple[Floats, float | None]], table: Table, asked: Asked, masks: Masks) -> list[Metric]:
    covariate = table.numbers[asked.covariate] if asked.covariate else None
    metrics = []
    for name, (each, limit) in values.items():
        arms = {arm: of_values(each[mask]) for arm, mask in _there(masks, each).items()}
        if covariate is None or name == asked.covariate:
            metrics.append(Metric(name, arms, limit=limit))
        else:
            both = _there(masks, each, covariate)
            joint = {arm: of_pairs(each[mask], covariate[mask]) for arm, mask in both.items()}
            metrics.append(Metric(name, arms, joint, limit=limit))
    for pair in asked.ratios:
        metrics.append(Metric("/".join(pair), _ratio(table, pair, masks), kind=RATIO))
    return metrics


def _there(masks: Masks, *columns: Floats) -> Masks:
    """Of each arm the rows that have all of these values; without arms that have none."""
    known = np.logical_and.reduce([~np.isnan(column) for column in columns])
    return {arm: mask & known for arm, mask in masks.items() if (mask & known).any()}


def _ratio(table: Table, pair: tuple[str, str], masks: Masks) -> dict[str, Sample]:
    above, below = (table.numbers[name] for name in pair)
    joint = {arm: of_pairs(above[mask], below[mask]) for arm, mask in _there(masks, above, below).items()}
    return {arm: ratio(each) for arm, each in joint.items() if each.x.mean != 0}


def _segments(
    values: dict[str, tuple[Floats, float | None]], table: Table, asked: Asked, masks: Masks, options: Options
) -> Segmented:
    labels = table.words[asked.segment or ""]
    if len(labels.names) > MOST_SEGMENTS:
        raise ValueError(f"{asked.segment}: more than {MOST_SEGMENTS} segments")
    parts = {
        name or "(none)": _metrics(values, table, asked, _within(masks, labels, name)) for name in sorted(labels.names)
    }
    return segmented(parts, options)


def _paths(
    values: dict[str, tuple[Floats, float | None]],
    table: Table,
    asked: Asked,
    masks: Masks,
    options: Options,
    planned: int,
) -> dict[tuple[str, str], LookPath]:
    labels = table.words[asked.step or ""]
    order = aggregated.in_order(labels.names)
    parts = [(name, _metrics(values, table, asked, _within(masks, labels, name))) for name in order]
    found = {}
    for metric in values:
        increments = [(name, next(m for m in metrics if m.name == metric).arms) for name, metrics in parts]
        so_far = steps.cumulated(increments)
        for arm in masks:
            if arm != options.control:
                found[metric, arm] = steps.path(so_far, options.control, arm, options.alpha, planned)
    return found


def _within(masks: Masks, labels: Labels, name: str) -> Masks:
    here = labels.where(name)
    return {arm: mask & here for arm, mask in masks.items()}


def _aggregated(path: Path, asked: Asked, columns: list[str], advance: Callable[[int], None]) -> Found:
    unfit = (("covariate", asked.covariate), ("segment", asked.segment), ("cap", asked.cap))
    for option, given in (*unfit, ("missing", None if asked.missing is Gaps.REFUSE else asked.missing)):
        if given is not None:
            raise ValueError(f"--{option} needs a row for each unit; {path.name} holds counts, means and variances")
    if asked.ratios:
        raise ValueError(f"--ratio needs a row for each unit; {path.name} holds counts, means and variances")
    rows = aggregated.load(path, columns, asked.arm, asked.metrics, asked.step, asked.cumulative, advance)
    control = control_of(rows.arms, asked.control)
    counts = {arm: max(rows.units(metric).get(arm, 0) for metric in rows.metrics) for arm in rows.arms}
    planned = asked.planned or TUNED
    over_time = asked.sequential or rows.looks > 1
    shares = shares_of(asked.shares, rows.arms)
    options = Options(control, asked.alpha, asked.correction, planned if over_time else None, asked.prior, shares)
    report = analyse([Metric(name, rows.last(name)) for name in rows.metrics], counts, options)
    paths = {
        (metric, arm): steps.path(rows.metrics[metric], control, arm, asked.alpha, planned)
        for metric in rows.metrics
        for arm in rows.arms
        if arm != control and over_time
    }
    return Found(report, None, paths, rows.warnings)
