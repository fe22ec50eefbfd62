"""The projection of all experiments, kept in step with the catalogue's log by compare-and-set."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from domain.event import Event
from domain.experiment import Experiment
from projections.experiment import apply
from projections.ports import Recorded
from projections.versions import GapError
from readmodels.experiment import CURRENT, PublishedExperiments, decode, encode
from readmodels.stores import ExperimentsStore, Write

#: The topics of all events of experiments.
TOPICS = tuple(
    str(kind.TOPIC)
    for kind in vars(Experiment).values()
    if isinstance(kind, type) and issubclass(kind, Event) and hasattr(kind, "TOPIC")
)


class ExperimentsProjection:
    """Experiments change seldom: what is stored is read each time. ``replay``: all events of experiments up to a
    position, in order. What is stored is always the fold of a beginning of the log, so every set that was published can
    be found again by its hash."""

    def __init__(self, store: ExperimentsStore, replay: Callable[[int], Iterable[Event]]) -> None:
        self._store = store
        self._replay = replay

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes until nothing is refused."""
        facts: list[Event] = [r.event for r in batch if isinstance(r.event, Experiment.Event)]
        while facts and not self._write(facts, batch[-1].position):
            pass

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def stored(self, position: int) -> int:
        """All: nothing is held back."""
        return position

    def restart(self) -> None:
        """Nothing is remembered."""

    def _write(self, facts: Sequence[Event], position: int) -> bool:
        value = self._store.read(CURRENT)
        before = decode(value) if value else PublishedExperiments()
        try:
            after = reduce(apply, facts, before)
        except GapError:
            after = reduce(apply, self._replay(position), PublishedExperiments())
        if after.version <= before.version:
            return True
        return self._store.write(Write(CURRENT, CURRENT, before.version, encode(after))) is None
