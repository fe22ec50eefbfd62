"""The projections whose read models are in Redis, and a generation of each."""

from collections.abc import Container
from typing import NamedTuple, Self

CUSTOMERS, STATISTICS, CATALOGUE = "customers", "statistics", "catalogue"
#: The projections whose read models are in Redis, each with a generation of its own.
PROJECTIONS = (CUSTOMERS, STATISTICS, CATALOGUE)


class Live(NamedTuple):
    """A generation for each projection, 0 for none."""

    customers: int = 0
    statistics: int = 0
    catalogue: int = 0

    @classmethod
    def one(cls, generation: int) -> Self:
        """The same generation of all."""
        return cls(generation, generation, generation)

    @classmethod
    def only(cls, projection: str, generation: int) -> Self:
        """One projection's generation, and nothing of the others."""
        return cls(**{projection: generation})

    def of(self, projection: str) -> int:
        """A projection's generation."""
        return int(getattr(self, projection))

    def without(self, projections: Container[str]) -> Self:
        """The others, and nothing of these."""
        found = {name: self.of(name) for name in PROJECTIONS if name not in projections}
        return type(self)(**found)
