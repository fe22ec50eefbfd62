"""Rows that are counted already: arm, metric, step, count, mean, variance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.datasets.table import Table, read
from projections.experiments.moments import Sample, proportion
from projections.experiments.steps import cumulated

NAMES = {
    "count": ("count", "n", "users", "units", "sample_size"),
    "mean": ("mean", "average", "avg"),
    "variance": ("variance", "var", "sample_variance"),
    "step": ("step", "time_step", "timestep", "day", "date", "time", "hour", "week", "period", "time_since_start", "t"),
    "metric": ("metric", "metric_name", "metric_id"),
}
MOST_STEPS = 1_000
LOOKS_CUMULATIVE = (
    "counts never fall from step to step in any arm: if each row holds all units so far, say --cumulative, "
    "or units are counted many times over"
)


@dataclass(frozen=True, slots=True)
class Counted:
    """``metrics``: name → steps in order, each with all units so far of each arm."""

    arms: tuple[str, ...]
    metrics: Mapping[str, Sequence[tuple[str, Mapping[str, Sample]]]]
    warnings: tuple[str, ...]

    @property
    def looks(self) -> int:
        """Steps, of the metric that has most."""
        return max(len(each) for each in self.metrics.values())

    def last(self, metric: str) -> Mapping[str, Sample]:
        """As of the last step."""
        return self.metrics[metric][-1][1]

    def units(self, metric: str) -> dict[str, int]:
        """Arm → units."""
        return {arm: sample.n for arm, sample in self.last(metric).items()}


def column(columns: Sequence[str], what: str) -> str | None:
    """The file's own name for one of ``NAMES``, if it has such a column."""
    lower = {name.strip().casefold(): name for name in columns}
    return next((lower[name] for name in NAMES[what] if name in lower), None)


def is_one(columns: Sequence[str], metrics: Sequence[str]) -> bool:
    """Whether a file with these columns holds counts, means and variances, and no column of a metric's own. Where there
    is but one metric, it may be called as the column of means is."""
    counted = all(column(columns, what) for what in ("count", "mean", "variance"))
    return counted and not any(metric in columns and metric != column(columns, "mean") for metric in metrics)


def load(
    path: Path,
    columns: Sequence[str],
    arm: str,
    metrics: Sequence[str],
    step: str | None,
    cumulative: bool,
    advance: Callable[[int], None],
) -> Counted:
    """``cumulative``: each row holds all units so far, not those of its step alone. Raises ValueError."""
    count, mean, variance = (column(columns, what) or what for what in ("count", "mean", "variance"))
    step, metric = step or column(columns, "step"), column(columns, "metric")
    if metric is None and len(metrics) != 1:
        raise ValueError(f"{path.name}: no column metric, so --metrics is the one name of what was counted")
    table = read(path, [c for c in (arm, step, metric) if c], [count, mean, variance], advance)
    arms = table.words[arm].names
    if len(arms) < 2 or "" in arms:
        raise ValueError(f"{path.name}: {arm} has to name two arms at least, one in each row")
    found: dict[str, list[tuple[str, dict[str, Sample]]]] = {}
    for name in metrics:
        here = _rows_of(path, table, metric, name)
        found[name] = _by_step(path, table, here, (arm, step, count, mean, variance))
    return _together(arms, found, cumulative)


def in_order(names: Sequence[str]) -> list[str]:
    """Steps by number where all are numbers, else by their words, as ISO dates are."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def sample(n: float, mean: float, variance: float) -> Sample | None:
    """A proportion where the variance is that of one, however it was divided. None for no units. Raises ValueError that
    says what is wrong."""
    if n != round(n) or n < 0:
        raise ValueError("count is not a whole number from 0 on")
    if variance < 0:
        raise ValueError("variance is below 0")
    if n == 0:
        return None
    expected, successes = mean * (1 - mean), round(mean * n)
    whole = 0 <= mean <= 1 and abs(mean * n - successes) <= 1e-6 * n
    likely = any(abs(variance - each) <= 1e-6 * max(each, 1e-12) for each in (expected, expected * n / max(n - 1, 1)))
    return proportion(int(n), successes) if whole and likely else Sample(int(n), mean, variance)


def _rows_of(path: Path, table: Table, metric: str | None, name: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    if metric is None:
        return np.arange(table.rows)
    if name not in table.words[metric].names:
        raise ValueError(f"{path.name}: --metrics: no row of {name[:60]} in column {metric}")
    return np.flatnonzero(table.words[metric].where(name))


def _by_step(
    path: Path,
    table: Table,
    here: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    by: tuple[str, str | None, str, str, str],
) -> list[tuple[str, dict[str, Sample]]]:
    arm, step, *measured = by
    if step is not None and len(table.words[step].names) > MOST_STEPS:
        raise ValueError(f"{path.name}: {step}: more than {MOST_STEPS:,} steps")
    found: dict[str, dict[str, Sample]] = {}
    for row in map(int, here):
        when = table.words[step].names[table.words[step].codes[row]] if step else "all"
        who = table.words[arm].names[table.words[arm].codes[row]]
        try:
            made = sample(*(float(table.numbers[column][row]) for column in measured))
        except ValueError as error:
            raise ValueError(f"{path.name}, row {row + 1} under the header: {error}") from None
        if who in found.setdefault(when, {}):
            raise ValueError(f"{path.name}, row {row + 1} under the header: this arm and step are there twice")
        if made:
            found[when][who] = made
    return [(when, found[when]) for when in in_order(list(found))]


def _together(
    arms: tuple[str, ...], found: dict[str, list[tuple[str, dict[str, Sample]]]], cumulative: bool
) -> Counted:
    rising = all(_rises(each, arm) for each in found.values() for arm in arms)
    warnings = (LOOKS_CUMULATIVE,) if rising and not cumulative else ()
    if cumulative:
        return Counted(arms, found, warnings)
    return Counted(arms, {name: cumulated(each) for name, each in found.items()}, warnings)


def _rises(each: list[tuple[str, dict[str, Sample]]], arm: str) -> bool:
    counts = [step[arm].n for _, step in each if arm in step]
    return len(counts) >= 5 and counts == sorted(counts) and counts[0] < counts[-1]
