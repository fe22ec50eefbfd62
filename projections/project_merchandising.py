"""The projection of the rules that are live, kept in step with the catalogue's log by compare-and-set."""

from collections.abc import Sequence
from functools import reduce

from domain.event import Event
from domain.merchandising import RuleBook
from projections.merchandising import apply
from projections.ports import History, Recorded
from projections.versions import GapError
from readmodels.merchandising import PublishedRules, decode, encode
from readmodels.stores import RulesStore, Write


class RulesProjection:
    """Rules change seldom: what is stored is read each time."""

    def __init__(self, store: RulesStore, history: History) -> None:
        self._store = store
        self._history = history

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes until nothing is refused."""
        facts: list[Event] = [r.event for r in batch if isinstance(r.event, RuleBook.Event)]
        while facts and not self._write(facts):
            pass

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def stored(self, position: int) -> int:
        """All: nothing is held back."""
        return position

    def restart(self) -> None:
        """Nothing is remembered."""

    def _write(self, facts: Sequence[Event]) -> bool:
        stream = facts[0].originator_id
        value = self._store.read(stream)
        before = decode(value) if value else PublishedRules()
        try:
            after = reduce(apply, facts, before)
        except GapError:
            ((_, history),) = self._history.streams([stream])
            after = reduce(apply, history, PublishedRules())
        if after.version <= before.version:
            return True
        return self._store.write(Write(stream, stream, before.version, encode(after))) is None
