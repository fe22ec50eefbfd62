"""All estimates of one policy from one log, with intervals and what to be wary of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.ope.estimators import Rounds, effective, switch_threshold, terms, values
from ml.ope.intervals import intervals, replicates
from ml.ope.log import Log
from ml.ope.policies import LEARN, Policy, logged, popular, thompson, uniform
from ml.ope.reward import FOLDS, cross_fitted

#: With an effective sample size below this an estimate says little.
LEAST_EFFECTIVE = 100.0
#: The mean weight is 1 but for chance, where the propensities are true and reach all that the policy would show.
WEIGHT_OFF = 0.2
DRAWS = 1_000
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` with its 95 % interval ``low`` … ``high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``estimates``: ipw, snipw, dm, dr, switch_dr, and logged: what the log's own policy earned in these rounds."""

    policy: str
    rounds: int
    clicks: int
    effective: float
    mean_weight: float
    threshold: float
    estimates: dict[str, Estimate]
    warnings: tuple[str, ...]


def split(log: Log, name: str) -> tuple[Log, Log]:
    """Rounds that the policy may learn from, and those that it is evaluated on: halves by time, if it learns."""
    middle = len(log) // 2 if name in LEARN else 0
    return log.take(slice(0, middle)), log.take(slice(middle, len(log)))


def policy_of(name: str, learned: Log, positions: int, seed: int) -> Policy:
    """By its name, one of ``ml.ope.policies.NAMES``."""
    if name == "uniform":
        return uniform(len(learned.items), positions)
    if name == "popular":
        return popular(learned, positions)
    return thompson(learned, positions, seed) if name == "thompson" else logged()


def evaluate(
    log: Log,
    name: str,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    threshold: float | None = None,
    step: Advance = lambda n: None,
) -> Evaluation:
    """What policy ``name`` would have earned a round. ``step`` is told of ``FOLDS`` + ``draws`` steps.

    Raises ValueError where the log is too short.
    """
    if len(log) < 10:
        raise ValueError("a log of at least 10 rounds is needed")
    learned, rest = split(log, name)
    policy = policy_of(name, learned, log.positions, seed)
    logged_, expected = cross_fitted(rest, policy.of_all, log.positions, seed, step)
    rounds = Rounds(policy.of_logged(rest) / rest.propensities, rest.rewards, logged_, expected)
    switch = switch_threshold(rounds) if threshold is None else threshold
    each = terms(rounds, switch)
    ranges = intervals(replicates(each, draws, seed, step))
    found = values(each.mean(axis=1))
    size, mean_weight = effective(rounds.weights), float(rounds.weights.mean())
    return Evaluation(
        name,
        len(rest),
        int(rest.rewards.sum()),
        size,
        mean_weight,
        switch,
        {key: Estimate(float(value), *ranges[key]) for key, value in found.items()},
        tuple(_warnings(size, mean_weight, int(rest.rewards.sum()))),
    )


def steps(draws: int) -> int:
    """How many steps ``evaluate`` reports."""
    return FOLDS + draws


def _warnings(size: float, mean_weight: float, clicks: int) -> list[str]:
    said = []
    if size < LEAST_EFFECTIVE:
        said.append(f"effective sample size {size:.0f} is below {LEAST_EFFECTIVE:.0f}: the estimates say little")
    if not np.isclose(mean_weight, 1.0, atol=WEIGHT_OFF):
        said.append(f"the mean weight is {mean_weight:.2f} and not near 1: the log hardly shows what the policy would")
    if not clicks:
        said.append("there is no click in these rounds")
    return said
