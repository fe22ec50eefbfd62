"""An experiment over time: what was known at each look, by which one it could have been stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projections.experiments import sequential
from projections.experiments.frequentist import Estimate
from projections.experiments.moments import Sample, add

#: Step → arm → the units of that step alone.
Increments = Sequence[tuple[str, Mapping[str, Sample]]]


@dataclass(frozen=True, slots=True)
class Look:
    """``units``: of both arms so far. ``estimate`` of the difference, with its sequential interval."""

    step: str
    units: int
    estimate: Estimate
    relative: Estimate | None


@dataclass(frozen=True, slots=True)
class Path:
    """``decided``: the first look whose interval leaves 0 out."""

    looks: tuple[Look, ...]
    decided: str | None


def cumulated(increments: Increments) -> list[tuple[str, dict[str, Sample]]]:
    """Step → arm → all units up to it."""
    so_far: dict[str, Sample] = {}
    found = []
    for step, arms in increments:
        for arm, sample in arms.items():
            so_far[arm] = add(so_far[arm], sample) if arm in so_far else sample
        found.append((step, dict(so_far)))
    return found


def path(so_far: Increments, control: str, arm: str, alpha: float, tuned: int) -> Path:
    """Of one arm against the control, from what was known at each step (cumulative)."""
    looks = []
    for step, arms in so_far:
        if control not in arms or arm not in arms:
            continue
        if found := sequential.at(arms[control], arms[arm], alpha, tuned):
            units = arms[control].n + arms[arm].n
            looks.append(Look(step, units, found.absolute, found.relative))
    decided = next((look.step for look in looks if look.estimate.low > 0 or look.estimate.high < 0), None)
    return Path(tuple(looks), decided)
