"""Policies to evaluate. Each gives the chance of every arm at every place of the page; none looks at the user."""

from dataclasses import dataclass

import numpy as np

from ml.ope.log import Floats, Log

NAMES = ("uniform", "popular", "thompson", "logged")
#: Those that learn from the first half of a log and are evaluated on the second.
LEARN = ("popular", "thompson")
DRAWS = 100_000
MOST_NUMBERS = 20_000_000
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Policy:
    """``chances`` (P, A): of each arm at each place, every row adding up to 1; None for the policy of the log."""

    name: str
    chances: Floats | None

    def of_logged(self, log: Log) -> Floats:
        """(n,) the chance of the arm that was shown, where it was shown."""
        return log.propensities if self.chances is None else self.chances[log.places, log.arms]

    def of_all(self, log: Log) -> Floats:
        """(n, A) of every arm; (n, 1) of the one shown alone, when no more is known."""
        return np.ones((len(log), 1)) if self.chances is None else self.chances[log.places]


def uniform(items: int, positions: int) -> Policy:
    """Every arm at every place alike."""
    return Policy("uniform", np.full((positions, items), 1 / items))


def popular(log: Log, positions: int) -> Policy:
    """The arm of the highest smoothed click rate at the first place, the next at the second, and so on. No chance."""
    clicks, shown, prior = _counts(log)
    rate = (clicks + 1) / (shown + prior)
    best = np.argsort(-rate, kind="stable")
    chances = np.zeros((positions, len(rate)))
    chances[np.arange(positions), best[np.arange(positions) % len(best)]] = 1.0
    return Policy("popular", chances)


def thompson(log: Log, positions: int, seed: int, draws: int = DRAWS) -> Policy:
    """Beta-Bernoulli Thompson sampling (Chapelle & Li 2011) as it stands after ``log``: arms by drawn click rates.

    Priors: Beta(1, 1/c - 1), c the log's click rate: one click seen. Each place's chances are shares of ``draws``
    simulated pages (fewer where there are more than 200 arms), so their standard error is √(p (1 - p) / draws), at most
    .0016 of 100,000. One page more is spread evenly over the arms, so that none has no chance.
    """
    clicks, shown, prior = _counts(log)
    draws = min(draws, MOST_NUMBERS // len(shown))
    random = np.random.Generator(np.random.Philox(seed))
    counts = np.full((positions, len(shown)), 1 / len(shown))
    for begin in range(0, draws, _AT_ONCE):
        n = min(_AT_ONCE, draws - begin)
        rates = random.beta(1 + clicks, prior - 1 + shown - clicks, (n, len(shown)))
        ranked = np.argsort(-rates, axis=1, kind="stable")
        for place in range(positions):
            counts[place] += np.bincount(ranked[:, place % len(shown)], minlength=len(shown))
    return Policy("thompson", counts / counts.sum(axis=1, keepdims=True))


def logged() -> Policy:
    """The policy of the log itself: every weight is 1."""
    return Policy("logged", None)


def _counts(log: Log) -> tuple[Floats, Floats, float]:
    """Clicks and showings of each arm, and how many showings one click takes on average."""
    items = len(log.items)
    clicks = np.bincount(log.arms, weights=log.rewards, minlength=items).astype(np.float64)
    shown = np.bincount(log.arms, minlength=items).astype(np.float64)
    return clicks, shown, (len(log) + 2) / (float(log.rewards.sum()) + 1)
