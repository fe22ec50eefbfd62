"""A projection whose own fault stops it alone: the others of the same log go on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from projections.ports import Projection, Recorded


class ProjectionFailedError(Exception):
    """A projection cannot take a batch. ``kind`` is the error's class; its text may hold what was in the event."""

    def __init__(self, projection: str, kind: str, position: int) -> None:
        super().__init__(f"projection {projection} cannot go on at position {position}: {kind}")
        self.projection, self.kind, self.position = projection, kind, position


class Guarded:
    """Raises ProjectionFailedError for all errors but those that are ``passing``: servers that are away."""

    def __init__(self, name: str, projection: Projection, passing: tuple[type[Exception], ...]) -> None:
        self._name, self._projection, self._passing = name, projection, passing
        self._position = 0

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Stores what the events change."""
        self._position = batch[0].position
        with self._named():
            self._projection.apply(batch)

    def flush(self, *, idle: bool) -> None:
        """May store what is held back."""
        with self._named():
            self._projection.flush(idle=idle)

    def stored(self, position: int) -> int:
        """Up to where what it was given is stored."""
        return self._projection.stored(position)

    def restart(self) -> None:
        """Forgets what it believes to be stored."""
        self._projection.restart()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except self._passing:
            raise
        except Exception as error:
            raise ProjectionFailedError(self._name, type(error).__name__, self._position) from error
