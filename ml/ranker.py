"""What every model that ranks items is: something trained, that scores all items after a history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ml.sequences import Attributes, Bounds, Floats, Hidden, Sequences

Progress = Callable[[str, float], None]


def silent(words: str, part: float) -> None:
    """Nobody is told."""


class Ranker(Protocol):
    """A trained model."""

    def scores(self, history: Sequences) -> Floats:
        """(B, N) a score for each item after each of B histories, which may be empty; higher is better."""


@runtime_checkable
class PersonalRanker(Protocol):
    """A trained model that knows persons by the numbers of ``Queries.persons``."""

    def scores_of(self, history: Sequences, persons: Bounds) -> Floats:
        """(B, N) the same for ``persons`` (B,), known ones and others."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a model learns from: sequences of item rows in the order of time, N items, and their attributes if known.

    ``hidden``: which items will not be asked for, see ``Queries``. ``personal``: sequence i is all of the person whose
    number is i in the queries; otherwise nobody comes twice.
    """

    sequences: Sequences
    items: int
    attributes: Attributes | None
    hidden: Hidden
    personal: bool = False
