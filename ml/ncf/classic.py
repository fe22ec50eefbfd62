"""NCF as it was published: known persons have a vector of their own (He et al., WWW 2017). It holds persons by number,
so it is for comparison on files, and no training from the log makes it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.ncf.score import Ncf
from ml.sequences import Bounds, Floats, Sequences


@dataclass(frozen=True, slots=True)
class NcfClassic:
    """``ncf``: for all else than persons. ``people`` (P, D): unit vectors of the persons with these numbers; zeros for
    those of whom nothing was learnt, who are as unknown as others."""

    ncf: Ncf
    people: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N) where nobody is known."""
        return self.ncf.scores(history)

    def scores_of(self, history: Sequences, persons: Bounds) -> Floats:
        """(B, N) by the persons' own vectors; by the history for persons that are not known."""
        return self.ncf.of_users(self.users(history, persons))

    def users(self, history: Sequences, persons: Bounds) -> Floats:
        """(B, D)"""
        users = self.ncf.users(history)
        known = self.known(persons)
        users[known] = self.people[persons[known]]
        return users

    def known(self, persons: Bounds) -> NDArray[np.bool_]:
        """(B,) whether each has a vector."""
        inside = (persons >= 0) & (persons < len(self.people))
        return inside & self.people[np.where(inside, persons, 0)].any(axis=1) if len(self.people) else inside
