"""How a training tells what it does while it does it: parameters, metrics by step, tags. No personal data."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Run(Protocol):
    """One training. Telling never fails: what cannot be stored is dropped."""

    def param(self, name: str, value: object) -> None:
        """A part of the configuration that is known only now."""

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """A finite number at a step."""

    def tag(self, name: str, value: str) -> None:
        """A short text, such as the digest of the artefact that was made."""


class Tracker(Protocol):
    """Where runs are told to."""

    def run(self, name: str, params: Mapping[str, object]) -> AbstractContextManager[Run]:
        """A run from here to the end of the context; it has failed where that is left by an error."""


class Untold:
    """A run, and a tracker, that nobody listens to."""

    def param(self, name: str, value: object) -> None:
        """Nothing."""

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Nothing."""

    def tag(self, name: str, value: str) -> None:
        """Nothing."""

    @contextmanager
    def run(self, name: str, params: Mapping[str, object]) -> Iterator[Run]:
        """Itself."""
        yield self
