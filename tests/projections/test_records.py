"""Records kept outside Redis: behind, but never said to be complete where they are not; and Redis filled from them."""

import threading
from collections.abc import Mapping, Sequence
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identity import IdentifierKind
from projections.fill import fill
from projections.history import FromLog, FromRecords, Sharded
from projections.ports import Recorded
from projections.project_customers import CustomersProjection
from projections.project_records import KeptParts, RecordsProjection
from projections.rescue import person
from projections.settle import Settler
from readmodels.customer import CustomerRecord, encode
from tests.projections.facts import folded
from tests.projections.memory import MemoryCustomerStore, MemoryLog, projected
from tests.projections.test_project_customers import ACTS, KINDS, Acts, happened
from tests.projections.test_statistics import MemoryStore
from tests.projections.turns import Worker, interleave

K = IdentifierKind


class MemoryRecords:
    """Records in a dictionary. ``go``: saving waits for it; ``fails``: it fails instead."""

    def __init__(self) -> None:
        self.kept: dict[UUID, CustomerRecord] = {}
        self.part: bytes | None = None
        self.position = 0
        self.saves = 0
        self.go = threading.Event()
        self.go.set()
        self.fails: Exception | None = None

    def save(self, records: Mapping[UUID, CustomerRecord], *, covered: int = 0) -> None:
        assert self.go.wait(10)
        if self.fails:
            raise self.fails
        self.saves += 1
        for stream, record in records.items():
            if record.version > self.kept.get(stream, CustomerRecord()).version:
                self.kept[stream] = record
        self.position = max(self.position, covered)

    def covered(self) -> int:
        return self.position

    def load(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        return {stream: self.kept[stream] for stream in streams if stream in self.kept}

    def page(self, after: UUID, limit: int) -> tuple[dict[UUID, CustomerRecord], UUID | None]:
        found = sorted(stream for stream in self.kept if stream > after)[:limit]
        return {s: self.kept[s] for s in found}, found[-1] if len(found) == limit else None

    def save_part(self, part: bytes) -> None:
        self.part = part

    def load_part(self) -> bytes | None:
        return self.part


def keeping(records: MemoryRecords, log: MemoryLog, start: int, stop: int, store: MemoryCustomerStore) -> None:
    """A projector that keeps records, over a piece of the log; one event a batch."""
    with RecordsProjection(records, start=start) as keep:
        one = CustomersProjection(store, log, settler=still(store, FromLog(log)), keep=keep.keep)
        for recorded in log.recorded[keep.position : stop]:
            one.apply([recorded])
            keep.apply([recorded])


def still(store: MemoryCustomerStore, source: FromLog | FromRecords) -> Settler:
    return Settler(store, source, pause=lambda attempt: None)


def true_records(log: MemoryLog) -> dict[UUID, CustomerRecord]:
    return {stream: folded(events) for stream, events in log.streams(log.ids)}


def some_log(events: int = 6) -> MemoryLog:
    log = MemoryLog([K.USER, K.EMAIL])
    for number in range(events - 2):
        log.view(number % 2)
    return log


def batch(log: MemoryLog, *positions: int) -> list[Recorded]:
    return [log.recorded[position - 1] for position in positions]


def test_what_was_kept_is_complete_up_to_the_position() -> None:
    log, records, store = some_log(), MemoryRecords(), MemoryCustomerStore()
    keeping(records, log, 0, 4, store)
    assert (records.position, {r.version for r in records.kept.values()}) == (4, {2})
    keeping(records, log, 4, 6, store)
    assert (records.position, records.kept) == (6, true_records(log))


def test_who_dies_before_writing_begins_where_records_are_complete() -> None:
    log, records, store = some_log(), MemoryRecords(), MemoryCustomerStore()
    keeping(records, log, 0, 2, store)
    lost = RecordsProjection(records, start=2)
    customers = CustomersProjection(store, log, settler=still(store, FromLog(log)), keep=lost.keep)
    customers.apply(batch(log, 3, 4))
    lost.apply(batch(log, 3, 4))
    assert records.position == 2  # killed here: Redis has, and may have confirmed, what is not kept
    keeping(records, log, 4, 6, store)
    assert (records.position, records.kept) == (6, true_records(log))


def test_where_the_beginning_is_missing_no_position_is_told() -> None:
    log, records = some_log(), MemoryRecords()
    store = projected(log, 1)
    keeping(records, log, 4, 6, store)
    assert (len(records.kept), records.position) == (2, 0)


def test_records_that_changed_often_are_written_once_and_beside_the_folding() -> None:
    records = MemoryRecords()
    records.go.clear()
    with RecordsProjection(records, start=0, every_s=0.0) as keep:
        for version in range(1, 50):
            keep.keep({UUID(int=1): CustomerRecord(version)})
            keep.apply([Recorded(version, some_log().recorded[0].event)])
        assert records.saves == 0
        records.go.set()
    assert (records.saves, records.position) == (2, 49)
    assert records.kept[UUID(int=1)].version == 49


def test_folding_waits_where_too_much_is_not_written_yet() -> None:
    records, log = MemoryRecords(), some_log()
    records.go.clear()
    threading.Timer(0.05, records.go.set).start()
    with RecordsProjection(records, start=0, limit=10, every_s=60.0) as keep:
        most = 0
        for number in range(1, 60):
            keep.keep({UUID(int=number): CustomerRecord(1)})
            keep.apply([Recorded(number, log.recorded[0].event)])
            most = max(most, len(keep._changed))
        assert most <= 11
        assert records.saves >= 4
    assert (len(records.kept), records.position) == (59, 59)


def test_an_idle_projector_writes_what_is_left_and_then_nothing() -> None:
    records, log = MemoryRecords(), some_log()
    with RecordsProjection(records, start=0, every_s=60.0) as keep:
        keep.keep({UUID(int=1): CustomerRecord(1)})
        keep.apply(batch(log, 1))
        for _ in range(5):
            keep.flush(idle=True)
            keep._answered()
        assert (records.saves, records.position) == (1, 1)


def test_what_could_not_be_written_is_raised_and_not_passed_over() -> None:
    records, log = MemoryRecords(), some_log()
    records.fails = RuntimeError("down")
    keep = RecordsProjection(records, start=0, every_s=0.0)
    keep.keep({UUID(int=1): CustomerRecord(1)})
    keep.apply(batch(log, 1))
    with pytest.raises(RuntimeError):
        keep.settle()
    records.fails = None
    assert records.position == 0


def test_parts_go_both_ways_now_and_then_and_at_the_end() -> None:
    records, store, log = MemoryRecords(), MemoryStore(), some_log()
    with RecordsProjection(records, start=0) as keep:
        parts = KeptParts(store, keep)
        for part in (b"one", b"two"):
            parts.save(0, part)
            keep.apply(batch(log, 1))
            keep.flush(idle=True)
        assert (parts.load(0), records.part) == (b"two", None)
    assert records.part == b"two"


@settings(max_examples=100, deadline=None)
@given(KINDS, ACTS, st.integers(0, 40), st.integers(0, 2**32))
def test_records_and_the_tail_are_the_log_folded_however_far_behind(
    kinds: list[K], acts: Acts, stop: int, seed: int
) -> None:
    log, chance, records = happened(kinds, acts), Random(seed), MemoryRecords()
    keeping(records, log, 0, stop, MemoryCustomerStore())
    for stream in chance.sample(log.ids, chance.randrange(len(log.ids))):
        records.kept.pop(stream, None)
    source = FromRecords([records], Sharded([log]))
    assert source.records(log.ids) == true_records(log)
    home = projected(log, 1)
    for stream in log.ids:
        _, fields = home.members([stream])[stream]
        assert {s: encode(r) for s, r in person(source, stream).items()} == fields


def test_nobody_is_nobody() -> None:
    log = some_log()
    assert person(FromRecords([MemoryRecords()], log), UUID(int=99)) == {}
    assert person(FromLog(log), UUID(int=99)) == {}


@settings(max_examples=150, deadline=None)
@given(KINDS, ACTS, st.integers(0, 40), st.integers(0, 3), st.integers(0, 2**32))
def test_a_wiped_store_is_filled_while_it_is_followed_and_read(
    kinds: list[K], acts: Acts, stop: int, kills: int, seed: int
) -> None:
    """Filling, projecting and readers who put people back, in any interleaving, killed and begun again."""
    log, chance, records = happened(kinds, acts), Random(seed), MemoryRecords()
    keeping(records, log, 0, stop, MemoryCustomerStore())
    start, store = records.position, MemoryCustomerStore()
    source = FromRecords([records], log)
    turns: dict[int, Worker] = {}

    def turn() -> None:
        if worker := turns.get(threading.get_ident()):
            worker.turn()

    store.turn = turn

    def settler() -> Settler:
        return Settler(store, source, pause=lambda attempt: turn())

    def filling(worker: Worker) -> None:
        turns[threading.get_ident()] = worker
        fill(store, records, settler())

    def projecting(worker: Worker) -> None:
        turns[threading.get_ident()] = worker
        one = CustomersProjection(store, log, chance.choice((0, 100)), settler=settler())
        for recorded in log.recorded[start:]:
            one.apply([recorded])

    def reading(worker: Worker) -> None:
        turns[threading.get_ident()] = worker
        for _ in range(3):
            settler().settle([chance.choice(log.ids)])

    interleave(chance, [filling, projecting, reading], kills, store.expire)
    store.turn = lambda: None
    assert store.content(log.ids) == projected(log, 1).content(log.ids)
