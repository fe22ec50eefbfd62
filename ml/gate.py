"""Whether a new model may replace the one in use: not where it is worse on later data by more than is tolerated."""

from collections.abc import Mapping
from dataclasses import dataclass

GATED = ("ndcg@10", "hr@20", "mrr@20")


@dataclass(frozen=True, slots=True)
class Worse:
    """A metric that fell too far."""

    metric: str
    new: float
    in_use: float


def worse(new: Mapping[str, float], in_use: Mapping[str, float], tolerance: float) -> list[Worse]:
    """The metrics of ``GATED``, of those that both have, whose new value is below the one in use by more than
    ``tolerance``, a part of it, 0 … 1."""
    return [
        Worse(name, new[name], in_use[name])
        for name in GATED
        if name in new and name in in_use and new[name] < in_use[name] * (1 - tolerance)
    ]
