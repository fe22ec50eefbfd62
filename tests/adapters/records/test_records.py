"""Records in PostgreSQL: the latest of each, readable with all their keys and with none of them missing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from adapters.directory import new_stream_id
from adapters.records import CLASSES, PostgresRecords
from app.wiring import Wiring
from domain.event import Retention
from readmodels import customer
from readmodels.customer import CustomerRecord, View

Connection = psycopg.Connection[tuple[object, ...]]
MAY = int(datetime(2025, 5, 5, tzinfo=UTC).timestamp() * 1000)
MONTH = 2025 * 12 + 4
CANARY = "SKU-QUETZAL"


def record(version: int, at: int = MAY) -> CustomerRecord:
    return CustomerRecord(version, "email", at, at, views=(View(at, 1, CANARY),))


@pytest.fixture
def records(wiring: Wiring) -> PostgresRecords:
    return wiring.records[0]


@pytest.fixture
def streams(wiring: Wiring) -> list[UUID]:
    """Streams that have keys, the oldest first."""
    new = sorted(new_stream_id() for _ in range(7))
    wiring.keyring.add_streams(new)
    return new


@pytest.fixture
def rows(wiring: Wiring) -> Iterator[Connection]:
    with psycopg.connect(wiring._url("log"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def keys(wiring: Wiring) -> Iterator[Connection]:
    with psycopg.connect(wiring._url("keys"), autocommit=True) as connection:
        yield connection


def read_elsewhere(wiring: Wiring, streams: list[UUID]) -> dict[UUID, CustomerRecord]:
    """As another process, which has no key in memory."""
    with Wiring(wiring.settings) as other:
        return other.records[0].load(streams)


def test_what_is_saved_is_read_again(records: PostgresRecords, streams: list[UUID]) -> None:
    saved = {stream: record(n + 1) for n, stream in enumerate(streams)}
    records.save(saved)
    assert records.load([*streams, new_stream_id()]) == saved
    assert records.load([]) == {}


def test_the_latest_version_stays_whatever_comes_after(records: PostgresRecords, streams: list[UUID]) -> None:
    for version in (5, 9, 7):
        records.save({streams[0]: record(version)})
    assert records.load(streams) == {streams[0]: record(9)}


def test_positions_only_rise(records: PostgresRecords) -> None:
    assert records.covered() == 0
    for position, expected in ((7, 7), (0, 7), (5, 7), (2**40, 2**40)):
        records.save({}, covered=position)
        assert records.covered() == expected


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_have_every_record_once_and_in_order(records: PostgresRecords, streams: list[UUID], limit: int) -> None:
    records.save({stream: record(1) for stream in streams})
    seen: list[UUID] = []
    after: UUID | None = UUID(int=0)
    while after is not None:
        found, after = records.page(after, limit)
        seen += found
    assert seen == streams


def test_another_shape_is_not_there_and_is_replaced(
    records: PostgresRecords, streams: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    records.save({streams[0]: record(9)}, covered=5)
    monkeypatch.setattr(customer, "SHAPE", customer.SHAPE + 1)
    assert (records.load(streams), records.page(UUID(int=0), 9), records.covered()) == ({}, ({}, None), 0)
    records.save({streams[0]: record(3)}, covered=2)
    assert (records.load(streams), records.covered()) == ({streams[0]: record(3)}, 2)
    monkeypatch.undo()
    records.save({streams[0]: record(10)})  # a process of the version before must not bring its shape back
    assert records.load(streams) == {}


def test_a_record_goes_with_its_streams_key(
    wiring: Wiring, records: PostgresRecords, streams: list[UUID], keys: Connection
) -> None:
    saved = {stream: record(1) for stream in streams}
    records.save(saved)
    keys.execute("DELETE FROM stream_key WHERE stream = %s", (streams[0],))
    assert read_elsewhere(wiring, streams) == {stream: saved[stream] for stream in streams[1:]}


@pytest.mark.parametrize("expired", CLASSES)
def test_a_record_goes_with_the_first_month_of_any_class_that_may_be_in_it(
    wiring: Wiring, records: PostgresRecords, streams: list[UUID], keys: Connection, expired: Retention
) -> None:
    june = int(datetime(2025, 6, 5, tzinfo=UTC).timestamp() * 1000)
    records.save({streams[0]: record(1), streams[1]: record(1, june)})
    keys.execute("DELETE FROM period_key WHERE retention = %s AND month <= %s", (expired.value, MONTH))
    assert read_elsewhere(wiring, streams) == {streams[1]: record(1, june)}


def test_who_has_no_key_any_more_is_left_out(wiring: Wiring, streams: list[UUID], keys: Connection) -> None:
    keys.execute("DELETE FROM stream_key WHERE stream = %s", (streams[0],))
    with Wiring(wiring.settings) as other:
        other.records[0].save({stream: record(1) for stream in streams[:2]}, covered=3)
        assert set(other.records[0].load(streams)) == {streams[1]}
        assert other.records[0].covered() == 3


@pytest.mark.parametrize(
    "damage",
    [
        "sealed = overlay(sealed PLACING '\\x00'::bytea FROM 40)",
        "sealed = substring(sealed FROM 1 FOR 20)",
        "sealed = ''::bytea",
        "version = version + 1",
        "sealed = (SELECT sealed FROM shard_0.record ORDER BY stream DESC LIMIT 1)",
    ],
)
def test_a_damaged_or_exchanged_record_is_not_there(
    records: PostgresRecords, streams: list[UUID], rows: Connection, damage: str
) -> None:
    records.save({stream: record(n + 1) for n, stream in enumerate(streams)})
    rows.execute(f"UPDATE shard_0.record SET {damage} WHERE stream = %s", (streams[0],))  # type: ignore[call-overload]
    assert set(records.load(streams)) == set(streams[1:])


def test_nothing_of_a_record_is_in_clear(records: PostgresRecords, streams: list[UUID], rows: Connection) -> None:
    records.save({streams[0]: record(1)})
    records.save_part(f"{CANARY} was seen".encode())
    found = rows.execute("SELECT sealed FROM shard_0.record UNION ALL SELECT sealed FROM shard_0.statistics_part")
    sealed = [bytes(value) for (value,) in found.fetchall() if isinstance(value, bytes | memoryview)]
    assert len(sealed) == 2
    assert not [value for value in sealed if CANARY.encode() in value or b"email" in value]


def test_a_part_is_read_again_and_not_by_another_secret(
    wiring: Wiring, records: PostgresRecords, rows: Connection
) -> None:
    assert records.load_part() is None
    records.save_part(b"one")
    records.save_part(b"two")
    assert records.load_part() == b"two"
    stranger = PostgresRecords(wiring.customers[0], wiring.keyring, bytes(32))
    assert stranger.load_part() is None
    rows.execute("UPDATE shard_0.statistics_part SET sealed = ''::bytea")
    assert records.load_part() is None
