"""How well effects rank: the Qini curve (Radcliffe 2007). If the share φ of units with the highest predicted effects
were treated, so much more of the outcome would there be, a unit of all: with R sums of outcomes and N numbers of the
treated (t) and the others (c) among them, Q(φ) = (R_t - R_c N_t / N_c) / N_t(1). The coefficient is the area between
the curve and the straight line of treating as many drawn at random; 0 where the ranking tells nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.uplift.features import Floats
from ml.uplift.learners import Flags

POINTS = 20
GROUPS = 5


@dataclass(frozen=True, slots=True)
class Qini:
    """``coefficient`` in outcomes a treated unit, with its 95 % interval (percentile bootstrap over units; what was
    learnt is held fixed). ``curve``: ``POINTS`` + 1 values at even shares from 0 to 1, the last the effect on all."""

    coefficient: float
    low: float
    high: float
    curve: tuple[float, ...]

    @property
    def shown(self) -> bool:
        """Whether the ranking is better than chance."""
        return self.low > 0


def qini(effects: Floats, y: Floats, treated: Flags, draws: int, seed: int, step: Callable[[int], None]) -> Qini:
    """Of predicted ``effects`` (n,). ``step`` is told of each draw. Raises ValueError without treated or others."""
    if treated.all() or not treated.any():
        raise ValueError("one of the arms has no unit")
    ranked = _Ranked(effects, y, treated)
    shares, gains = ranked.curve(np.ones(len(y)))
    random = np.random.Generator(np.random.Philox(seed))
    drawn = []
    for _ in range(draws):
        drawn.append(_area(*ranked.curve(random.poisson(1.0, len(y)).astype(np.float64))))
        step(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    points = np.interp(np.linspace(0, 1, POINTS + 1), shares, gains)
    return Qini(_area(shares, gains), float(low), float(high), tuple(map(float, points)))


class _Ranked:
    """Units by falling effect; those of one effect are taken together, so that ties are broken by nobody."""

    def __init__(self, effects: Floats, y: Floats, treated: Flags) -> None:
        order = np.argsort(-effects, kind="stable")
        self._ends = np.flatnonzero(np.append(np.diff(effects[order]) != 0, True))
        self._order, self._y, self._treated = order, y[order], treated[order].astype(np.float64)

    def curve(self, weights: Floats) -> tuple[Floats, Floats]:
        """Shares and gains (k + 1,), from 0 to 1."""
        treated, others = weights * self._treated, weights * (1 - self._treated)
        nt, nc, rt, rc = (np.cumsum(v)[self._ends] for v in (treated, others, treated * self._y, others * self._y))
        against = np.divide(rc * nt, nc, out=np.zeros_like(rc), where=nc > 0)
        shares = (nt + nc) / max(nt[-1] + nc[-1], 1.0)
        return np.append(0.0, shares), np.append(0.0, (rt - against) / max(nt[-1], 1.0))


def _area(shares: Floats, gains: Floats) -> float:
    return float(np.trapezoid(gains, shares) - gains[-1] / 2)


def groups(effects: Floats, y: Floats, treated: Flags) -> list[tuple[float, float, float]]:
    """``GROUPS`` equal groups by falling predicted effect: (predicted, measured, standard error) of each."""
    found = []
    for part in np.array_split(np.argsort(-effects, kind="stable"), GROUPS):
        with_it, without = y[part][treated[part]], y[part][~treated[part]]
        if min(len(with_it), len(without)) < 2:
            continue
        error = (with_it.var(ddof=1) / len(with_it) + without.var(ddof=1) / len(without)) ** 0.5
        found.append((float(effects[part].mean()), float(with_it.mean() - without.mean()), float(error)))
    return found
