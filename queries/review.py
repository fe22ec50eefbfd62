"""What people decide about streams that may be one person."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.identity import Pair, pair
from ml.identity.model import probability
from ml.identity.score import Evidence


class NoReviewError(Exception):
    """Nobody is asked: there is no identity model in use."""


class UnknownPairError(Exception):
    """There are no such two streams."""


class NotAskedError(Exception):
    """The two streams are there, and do not wait for a decision."""


class Verdict(StrEnum):
    """One person, or two from now on and whatever comes."""

    LINK = "link"
    KEEP_APART = "keep-apart"


@dataclass(frozen=True, slots=True)
class Question:
    """Two streams that may be one person. ``told`` is what is known of each, by column: personal data, for the officer
    who decides and nobody else."""

    one: UUID
    other: UUID
    weight: float
    evidence: tuple[Evidence, ...]
    told: tuple[dict[str, str], dict[str, str]]

    @property
    def id(self) -> str:
        """The pair's, the same whichever stream is named first."""
        return "_".join(map(str, pair(self.one, self.other)))

    @property
    def probability(self) -> float:
        """That they are one person, as the model has it."""
        return probability(self.weight)


def pair_of(text: str) -> Pair:
    """The streams of a pair's id. Raises ValueError, without the text."""
    one, _, other = text.partition("_")
    try:
        found = pair(UUID(one), UUID(other))
    except ValueError:
        raise ValueError("must be the ids of two streams with _ between them") from None
    if found[0] == found[1]:
        raise ValueError("must be two streams")
    return found
