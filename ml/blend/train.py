"""Learning a blend: members trained on what came earlier are weighed on what came later, then trained on all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.blend.calibration import Calibration, Doubles, Shown, calibrate, calibration_error, reliability, shown
from ml.blend.gather import Gathered, Member, gather
from ml.blend.learn import Weights, blended
from ml.blend.worth import Worth, crossed, halves, judge, weigh
from ml.ranker import Ranker
from ml.sequences import Queries

WEIGHED_ON = 4_000
EACH = 50


@dataclass(frozen=True, slots=True)
class Learned:
    """``weights`` (contexts, M). ``ece``: of the calibration, on persons that it was not learned on; ``reliability``:
    what was said there and the part that came, from the least to the most likely."""

    members: tuple[Member, ...]
    weights: Weights
    calibration: Calibration
    worths: tuple[Worth, ...]
    ece: float
    reliability: tuple[tuple[float, float], ...]
    queries: int

    @property
    def used(self) -> tuple[bool, ...]:
        """Which members have any weight."""
        return tuple(bool(column.any()) for column in self.weights.T)


def weigh_members(models: Mapping[str, Ranker], members: Sequence[Member], later: Queries, seed: int) -> Learned:
    """Weights, calibration, and what each member is worth. Raises ValueError without anything to learn from."""
    step = max(1, -(-len(later) // WEIGHED_ON))
    gathered = gather(models, members, later.take(slice(None, None, step)), EACH)
    judged = judge(gathered, [member.name for member in members], seed)
    weights = weigh(gathered, judged)
    held_out = shown(gathered, crossed(gathered, seed))
    calibration = calibrate(shown(gathered, blended(gathered, weights)))
    said = _said(gathered, held_out, seed)
    return Learned(
        tuple(members),
        weights,
        calibration,
        tuple(judged),
        calibration_error(said, held_out.came),
        tuple((mean, rate) for mean, rate, _ in reliability(said, held_out.came)),
        len(gathered),
    )


def _said(gathered: Gathered, seen: Shown, seed: int) -> Doubles:
    """(V,) the probability of each that was shown, by a calibration learned on the other half of the persons."""
    said = np.zeros(len(seen.came))
    parts = halves(gathered, seed + 1)
    for learned, asked in (parts, parts[::-1]):
        inside, outside = np.isin(seen.queries, learned), np.isin(seen.queries, asked)
        part = Shown(seen.log_shares[inside], seen.came[inside], seen.queries[inside])
        said[outside] = calibrate(part).probability(seen.log_shares[outside])
    return said
