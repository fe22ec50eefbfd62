"""Sample ratio mismatch: arms that have not the shares that were designed (Fabijan et al. 2019). Whatever made it so
(a redirect that loses people, a bot, a bug of the assignment) has probably made the arms incomparable too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

ALPHA = 0.001
#: How many units' worth of belief in the designed shares a sequential look begins with.
BELIEF = 1_000.0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``statistic``: chi-square. ``power``: the chance to find a tenth of the control's share moved away, .5 to .45
    for instance, at this size. ``smallest``: a relative shift that would be found with a chance of .8."""

    statistic: float
    p_value: float
    found: bool
    power: float
    smallest: float


def check(counts: Sequence[int], shares: Sequence[float], alpha: float = ALPHA) -> Mismatch | None:
    """One look at the arms' counts; shares in any unit. An arm of no share should be empty: anybody in it is a
    mismatch. None without units. Raises ValueError for shares that cannot be."""
    designed, n = _designed(counts, shares), sum(counts)
    if not n:
        return None
    if sum(count for count, _ in designed) < n:
        return Mismatch(math.inf, 0.0, True, 1.0, 0.0)
    statistic = sum((count - n * share) ** 2 / (n * share) for count, share in designed)
    p_value = float(special.chdtrc(len(designed) - 1, statistic)) if len(designed) > 1 else 1.0
    first = designed[0][1]
    smallest = _smallest(n, first, len(designed), alpha)
    return Mismatch(statistic, p_value, p_value < alpha, _shifted_power(n, first, 0.1, len(designed), alpha), smallest)


def at_any_look(counts: Sequence[int], shares: Sequence[float]) -> float:
    """A p-value that may be looked at as often as one likes: the chance that it is ever below alpha while the shares
    are as designed is at most alpha. It is one over the Bayes factor of shares around the design (Dirichlet) against
    the design (Lindon & Malek 2022). Raises ValueError for shares that cannot be."""
    designed, n = _designed(counts, shares), sum(counts)
    if sum(count for count, _ in designed) < n:
        return 0.0
    log_factor = math.lgamma(BELIEF) - math.lgamma(BELIEF + n)
    for count, share in designed:
        log_factor += math.lgamma(BELIEF * share + count) - math.lgamma(BELIEF * share) - count * math.log(share)
    return math.exp(min(0.0, -log_factor))


def power(n: int, shares: Sequence[float], truth: Sequence[float], alpha: float = ALPHA) -> float:
    """The chance that one look at n units finds that they come in shares of ``truth`` instead (noncentral
    chi-square). Raises ValueError for shares of 0."""
    if min(shares) <= 0:
        raise ValueError("shares are above 0")
    expected = [share / sum(shares) for share in shares]
    actual = [share / sum(truth) for share in truth]
    off = n * sum((a - e) ** 2 / e for a, e in zip(actual, expected, strict=True))
    return _found(off, len(expected) - 1, alpha)


def _designed(counts: Sequence[int], shares: Sequence[float]) -> list[tuple[int, float]]:
    """Count and part of one of each arm that has a share."""
    if len(counts) != len(shares) or len(counts) < 2 or min(counts) < 0 or min(shares) < 0 or sum(shares) <= 0:
        raise ValueError("each of two or more arms needs a count and a share, from 0 on")
    return [(count, share / sum(shares)) for count, share in zip(counts, shares, strict=True) if share > 0]


def _found(noncentrality: float, degrees: int, alpha: float) -> float:
    critical = float(special.chdtri(degrees, alpha))
    return 1.0 - float(special.chndtr(critical, degrees, noncentrality)) if degrees else 0.0


def _shifted_power(n: int, share: float, part: float, arms: int, alpha: float) -> float:
    """If ``part`` of the first arm's share went to the others, in proportion."""
    return _found(n * share * part**2 / (1 - share), arms - 1, alpha) if share < 1 else 0.0


def _smallest(n: int, share: float, arms: int, alpha: float) -> float:
    if share >= 1:
        return math.inf
    # chndtrinc: the noncentrality at which the critical value is passed with a chance of .8
    needed = float(special.chndtrinc(float(special.chdtri(arms - 1, alpha)), arms - 1, 0.2))
    return math.sqrt(needed * (1 - share) / (n * share))
