"""A log of shown arms with the chance that each had of being shown, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Coded:
    """Categories: ``codes`` (n, F), column f from 0 to ``sizes[f]`` - 1."""

    codes: Rows
    sizes: tuple[int, ...]

    def take(self, chosen: NDArray[np.integer] | slice) -> "Coded":
        """These rows."""
        return Coded(self.codes[chosen], self.sizes)


@dataclass(frozen=True, slots=True)
class Items:
    """The A arms that a policy may choose from: ``numbers`` (A, K) and ``kinds`` of A rows describe them."""

    numbers: Floats
    kinds: Coded

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Log:
    """n rounds in the order of time. ``arms`` (n,) rows of ``items``; ``places`` (n,) from 0, where on the page;
    ``rewards`` (n,) 0 or 1; ``propensities`` (n,) the chance of that arm at that place; ``users``: n rows of what is
    known of them; ``affinity`` (n, A) float32 or None, how each round's user leans to each arm."""

    arms: Rows
    places: Rows
    rewards: Floats
    propensities: Floats
    users: Coded
    affinity: NDArray[np.float32] | None
    items: Items

    def __len__(self) -> int:
        return len(self.arms)

    @property
    def positions(self) -> int:
        """How many places there are."""
        return int(self.places.max()) + 1 if len(self) else 1

    def take(self, chosen: NDArray[np.integer] | slice) -> "Log":
        """These rounds."""
        return Log(
            self.arms[chosen],
            self.places[chosen],
            self.rewards[chosen],
            self.propensities[chosen],
            self.users.take(chosen),
            None if self.affinity is None else self.affinity[chosen],
            self.items,
        )
