"""Linking persons as the log grows: a process of its own, as it writes events, and a fold must not; one at a time, as
a component is decided as a whole.

What it knows is the index in Redis, folded from the logs up to the positions that it keeps in PostgreSQL. Where there
is none, or it is lost or dropped, it is made anew from the beginning of the log, many streams at a time; what is
recorded already is not recorded again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from adapters import redis as redis_adapter
from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.log import PostgresLog
from app.alone import alone
from app.identities.entries import by_stream
from app.identities.index import batched, index_of
from app.identities.model import NoModelError, in_use
from app.projecting import runners
from app.wiring import Wiring
from commands.bus import Bus
from commands.tie import EndApart, KeepApart, LinkProbably, TieCommand, UnlinkProbably
from domain.values import Compared
from ml.artefacts import ArtefactError
from ml.identity.filling import Filling
from ml.identity.model import IdentityModel, ModelError
from ml.identity.online import Act, Linker, Touched, What
from ml.identity.score import Scorer
from ml.identity.stored import KIND
from projections.identity import TOPICS, fold
from projections.ports import Recorded
from readmodels import keys
from readmodels.identity import Entry

LOGGER = logging.getLogger("bespoke.identity")
LINK_LOCK = 0x6C696E6B  # "link": one process at a time links
BATCH = 500
#: Of a log that is read from its beginning.
FILLED = 5_000
LOOK_EVERY_S = 0.2
RETRY_S = 1.0
FAMILY, SUPPORTED_NO_MORE = "two people share it", "the scores do not carry it any more"
ENDED = "the conflict is gone"


class AnotherLinkerError(Exception):
    """Somebody else links persons of this namespace already."""


@dataclass(frozen=True, slots=True)
class Filled:
    """``streams`` of the log that name somebody; ``compared``: of which something is known to compare; ``pairs`` that
    may be one person; ``ties`` that were recorded."""

    streams: int
    compared: int
    pairs: int
    ties: int
    seconds: float


def fill(wiring: Wiring, progress: Callable[[int], None] = lambda n: None) -> Filled:
    """Makes the index anew of the whole log, and records what comes of it. Raises AnotherLinkerError, NoModelError,
    UnavailableError."""
    with alone(wiring, LINK_LOCK, AnotherLinkerError("another process links persons already")):
        return Linking(wiring, in_use(wiring)).fill(progress)


def link_all(wiring: Wiring, progress: Callable[[int], None] = lambda n: None) -> int:
    """Links what is recorded now; how many ties that changed. Raises AnotherLinkerError, NoModelError,
    UnavailableError."""
    with alone(wiring, LINK_LOCK, AnotherLinkerError("another process links persons already")):
        linking, count = Linking(wiring, in_use(wiring)), 0
        while not linking.idle:
            count += linking.step(progress)
        return count


def follow(wiring: Wiring, stop: threading.Event) -> None:
    """Links until ``stop`` is set, through restarts of servers and changes of the model; waits for a model, and for
    another process that links to end."""
    while not stop.is_set():
        try:
            with alone(wiring, LINK_LOCK, AnotherLinkerError()) as mine:
                _follow(wiring, stop, mine)
        except (AnotherLinkerError, NoModelError):
            stop.wait(RETRY_S)
        except (ArtefactError, ModelError) as error:
            LOGGER.error("the identity model cannot be used: %s", error)
            stop.wait(RETRY_S)
        except runners.PASSING as error:
            LOGGER.warning("linking waits: %s", type(error).__name__)
            stop.wait(RETRY_S)


def _follow(wiring: Wiring, stop: threading.Event, mine: Callable[[], object]) -> None:
    model = in_use(wiring)
    digest, linking = wiring.models.in_use(KIND), Linking(wiring, model)
    while not stop.is_set() and wiring.models.in_use(KIND) == digest and not wiring.shards.moved():
        mine()
        linking.step()
        if linking.idle:
            stop.wait(LOOK_EVERY_S)


class Linking:
    """Of one model, over the logs of all shards as they are now."""

    def __init__(self, wiring: Wiring, model: IdentityModel) -> None:
        self._wiring, self._version = wiring, model.version
        self._index = index_of(wiring, model.version)
        self._linker = Linker(Scorer(model), self._index)
        self._bus: Bus = wiring.bus()
        self._logs: Sequence[PostgresLog] = tuple(wiring.customers)
        self._take_place()
        self._filled = self._made = self._index.whole()
        self._at = [wiring.positions(log).load(self._name) if self._made else 0 for log in self._logs]
        self._doubtful = [log.head() for log in self._logs]
        self.idle = False

    def step(self, progress: Callable[[int], None] = lambda n: None) -> int:
        """Takes in what was recorded up to now and records the ties that come of it; how many."""
        if not self._filled or (self._made and not self._index.whole()):
            self.idle = False
            return self.fill(progress).ties
        heads = [log.head() for log in self._logs]
        self.idle = heads == self._at
        touched = Touched(set(), set())
        for number, (log, head) in enumerate(zip(self._logs, heads, strict=True)):
            feed = ReplayFeed(log, self._at[number], head, BATCH, TOPICS)
            while head > self._at[number] and (batch := feed.next_batch(0)):
                streams, dropped = self._take(batch, again=batch[0].position <= self._doubtful[number])
                touched.streams.update(streams)
                touched.dropped.update(dropped)
                progress(len(batch))
        count = self._settle(touched)
        if not self.idle:
            self._confirm(heads)
        return count

    def fill(self, progress: Callable[[int], None] = lambda n: None) -> Filled:
        """Makes the index anew, of all that is recorded up to now, and records the ties that come of it. Can be done
        again. Raises UnavailableError."""
        began, heads = time.monotonic(), [log.head() for log in self._logs]
        self._filled = self._made = False
        redis_adapter.wipe(self._wiring.redis, f"{self._wiring.settings.namespace}:identity:{self._version}:*")
        self._index.begin()
        filling = Filling(self._linker, self._index)
        for log, head in zip(self._logs, heads, strict=True):
            feed = ReplayFeed(log, 0, head, FILLED, TOPICS)
            while head and (batch := feed.next_batch(0)):
                filling.enter(self._folded(batch)[1])
                progress(len(batch))
        for streams in filling.chunks():
            filling.block(streams)
        for pairs in filling.candidates():
            filling.pair(pairs)
        touched = sorted(filling.touched)
        ties = sum(self._settle(Touched(set(some), set())) for some in batched(touched, FILLED))
        self._filled, self._doubtful = True, [0] * len(heads)
        self._confirm(heads)
        seconds = time.monotonic() - began
        return Filled(len(filling.streams), filling.compared, filling.pairs, ties, seconds)

    def _take_place(self) -> None:
        """Indexes of models that were in use before go: what they hold of people is of no use any more."""
        client, namespace = self._wiring.redis, self._wiring.settings.namespace
        with redis_adapter.translated():
            client.sadd(keys.identity_models(namespace), self._version)
            known: Any = client.smembers(keys.identity_models(namespace))
            for old in {version.decode() for version in known} - {self._version}:
                redis_adapter.wipe(client, f"{namespace}:identity:{old}:*")
                client.srem(keys.identity_models(namespace), old)

    @property
    def _name(self) -> str:
        return f"identity:{self._version}"

    def _take(self, batch: Iterable[Recorded], *, again: bool) -> Touched:
        before, folded = self._folded(batch)
        return self._linker.take(folded, before, again=again)

    def _folded(self, batch: Iterable[Recorded]) -> tuple[dict[UUID, Entry], dict[UUID, Entry]]:
        """The streams' entries before and after a batch."""
        events = by_stream(each.event for each in batch)
        before = self._index.entries(events.keys())
        return before, {stream: fold(before.get(stream, Entry()), new) for stream, new in events.items()}

    def _settle(self, touched: Touched) -> int:
        """Only when all is taken in that is recorded: what was so for a while, long ago, is not to be recorded now."""
        acts = sorted(self._linker.settle(touched), key=_order)
        commands = [_command(act, self._version) for act in acts]
        return sum(self._record(commands[at : at + BATCH]) for at in range(0, len(commands), BATCH))

    def _record(self, commands: Sequence[TieCommand]) -> int:
        """How many were news. Whoever was erased meanwhile is forgotten."""
        outcomes = self._bus.dispatch(commands) if commands else []
        refused = {s for c, o in zip(commands, outcomes, strict=True) if o.refused for s in (c.one, c.other)}
        if refused:
            self._index.forget(refused - self._index.compared(refused).keys())
        return sum(outcome.events > 0 for outcome in outcomes)

    def _confirm(self, heads: Sequence[int]) -> None:
        """What Redis has is on disk before the position says so."""
        self._at = list(heads)
        client, namespace = self._wiring.redis, self._wiring.settings.namespace
        if not redis_adapter.on_disk(client, partial(keys.confirmed, namespace)):
            return
        for log, position in zip(self._logs, self._at, strict=True):
            self._wiring.positions(log).save(self._name, position)
        if not self._made:
            self._made = self._filled = self._index.made()


def _order(act: Act) -> int:
    """What takes apart comes first."""
    return [What.UNLINK, What.CUT, What.UNCUT, What.LINK].index(act.what)


def _command(act: Act, model: str) -> TieCommand:
    base: dict[str, Any] = {"source_id": f"identity:{uuid4().hex}", "occurred_at": datetime.now(UTC)}
    base |= {"one": act.pair[0], "other": act.pair[1]}
    if act.what is What.LINK:
        compared = tuple(Compared(comparison=c, level=level, weight=bits) for c, level, bits in act.evidence)
        return LinkProbably(**base, weight=act.weight, model=model, compared=compared)
    if act.what is What.UNLINK:
        return UnlinkProbably(**base, model=model, reason=SUPPORTED_NO_MORE)
    if act.what is What.CUT:
        return KeepApart(**base, reason=FAMILY)
    return EndApart(**base, reason=ENDED)
