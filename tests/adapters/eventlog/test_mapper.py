"""Sealing: what the table shows without a key, what it gives back with one, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.directory import new_stream_id
from adapters.eventlog.mapper import SealingMapper, split
from adapters.keys import KeyDestroyedError
from app.wiring import Wiring
from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event, Retention, Visibility, visibility
from tests.adapters.eventlog.examples import (
    CUSTOMER,
    OCCURRED_AT,
    PERSONAL,
    PUBLIC,
    RECORDED_AT,
    example,
    examples,
    stored_classes,
)

CLASSES = sorted(stored_classes(), key=get_topic)
by_class = pytest.mark.parametrize("cls", CLASSES, ids=get_topic)


def store(mapper: SealingMapper, event: Event) -> StoredEvent:
    return mapper.to_stored_event(event)


def test_there_is_an_example_of_every_event() -> None:
    assert {*CUSTOMER, *PUBLIC} == stored_classes()


def test_every_event_comes_back_equal_with_its_types(mapper: SealingMapper, stream: UUID) -> None:
    for event in examples(stream):
        found = mapper.to_domain_event(store(mapper, event))
        assert type(found) is type(event)
        assert found == event
        assert found.model_dump() == event.model_dump()


@by_class
def test_the_header_shows_the_ledger_and_nothing_else(cls: type[Event], mapper: SealingMapper, stream: UUID) -> None:
    stored = store(mapper, example(cls, stream))
    header, sealed = split(stored.state)
    shown = set(msgspec.json.decode(header.clear)) if header.clear else set()
    declared = {n: visibility(f) for n, f in cls.model_fields.items() if n not in cls.ENVELOPE}
    assert shown == {n for n, mark in declared.items() if mark is not Visibility.SEALED}
    assert bool(sealed) == (Visibility.SEALED in declared.values())
    assert header.class_version == cls.class_version
    assert header.recorded_us == int(RECORDED_AT.timestamp() * 1_000_000)


def test_the_ledger_of_an_order_is_readable_without_any_key(mapper: SealingMapper, stream: UUID) -> None:
    header, _ = split(store(mapper, example(Customer.OrderPlaced, stream)).state)
    assert msgspec.json.decode(header.clear) == {
        "occurred_at": "2025-05-17T13:14:15.161718Z",
        "channel": "mobile",
        "order_id": "ORDER-77",
        "total_cents": 3898,
        "currency": "EUR",
        "tax_cents": 622,
        "shipping_cents": 5,
        "discount_cents": 100,
    }


def test_nothing_personal_is_in_the_stored_bytes(mapper: SealingMapper, stream: UUID) -> None:
    happened = (b"2025-05-17", int(OCCURRED_AT.timestamp()).to_bytes(8, "big")[4:], b"segment:message-1")
    ledger = (Customer.OrderPlaced, Customer.LinesReturned)
    books = (Customer.CustomerErased, Customer.LedgerRefunded)  # all of it is ledger; its source is our own
    for event in examples(stream):
        if isinstance(event, Customer.Event) and not isinstance(event, books):
            state = store(mapper, event).state
            assert not [p for p in PERSONAL if p.encode() in state]
            assert not [h for h in happened if h in state and not (isinstance(event, ledger) and h == happened[0])]


def test_the_same_event_is_never_the_same_ciphertext(mapper: SealingMapper, stream: UUID) -> None:
    event = example(Customer.Searched, stream)
    assert len({store(mapper, event).state for _ in range(100)}) == 100


def test_the_source_is_recognised_and_not_told(mapper: SealingMapper, stream: UUID) -> None:
    sources = [split(store(mapper, example(Customer.Searched, stream, source_id=s)).state)[0].source for s in "aab"]
    assert sources[0] == sources[1] != sources[2]
    assert all(len(source) == 16 for source in sources)


def test_a_month_is_a_period(mapper: SealingMapper, stream: UUID) -> None:
    def period(cls: type[Event], month: int) -> int:
        at = datetime(2025, month, 28, tzinfo=UTC)
        return split(store(mapper, example(cls, stream, occurred_at=at)).state)[0].period

    assert period(Customer.Searched, 5) == period(Customer.ProductViewed, 5)  # both are behaviour
    numbers = [period(Customer.Searched, 5), period(Customer.Searched, 6), period(Customer.Opened, 5)]
    assert len(set(numbers)) == 3


def test_a_sealed_event_cannot_be_moved(mapper: SealingMapper, quiet: Wiring, stream: UUID) -> None:
    stored = store(mapper, example(Customer.Searched, stream, version=2))
    other = new_stream_id()
    quiet.keyring.add_streams([other])
    renamed = get_topic(Customer.CategoryBrowsed)
    for moved in (
        replace(stored, originator_id=other),
        replace(stored, originator_version=3),
        replace(stored, topic=renamed),
    ):
        with pytest.raises(MapperDeserialisationError):
            mapper.to_domain_event(moved)


def test_neither_stream_nor_number_nor_name_may_change_even_under_one_key(
    mapper: SealingMapper, quiet: Wiring, stream: UUID
) -> None:
    """Also where the key would fit: both streams with the same data key."""
    keyring, other = quiet.keyring, new_stream_id()
    keyring._streams.put(other.int, keyring._stream_key(stream))
    stored = store(mapper, example(Customer.Searched, stream))
    with pytest.raises(MapperDeserialisationError):
        mapper.to_domain_event(replace(stored, originator_id=other))


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_noticed(data: st.DataObject, mapper: SealingMapper, stream: UUID) -> None:
    stored = store(mapper, example(Customer.DetailsGiven, stream))
    _, sealed = split(stored.state)
    begin = len(stored.state) - len(sealed)
    at = data.draw(st.integers(begin, len(stored.state) - 1))
    damaged = bytearray(stored.state)
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MapperDeserialisationError) as caught:
        mapper.to_domain_event(replace(stored, state=bytes(damaged)))
    assert not [p for p in PERSONAL if p in str(caught.value)]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_of_any_kind_is_one_error(data: st.DataObject, mapper: SealingMapper, stream: UUID) -> None:
    """Cut off or overwritten anywhere, also in the header: never another error, never something personal in it."""
    stored = store(mapper, example(Customer.DetailsGiven, stream))
    at = data.draw(st.integers(0, len(stored.state) - 1))
    noise = data.draw(st.binary(max_size=4))
    rest = stored.state[at + len(noise) :] if data.draw(st.booleans()) else b""
    try:
        found = mapper.to_domain_event(replace(stored, state=stored.state[:at] + noise + rest))
    except MapperDeserialisationError as error:
        assert not [p for p in PERSONAL if p in str(error)]
    else:
        assert isinstance(found, Erased | Customer.DetailsGiven)


def test_a_stream_without_a_key_seals_nothing(mapper: SealingMapper) -> None:
    with pytest.raises(KeyDestroyedError):
        store(mapper, example(Customer.Searched, new_stream_id()))


def test_products_need_no_key(mapper: SealingMapper, quiet: Wiring) -> None:
    for cls in PUBLIC:
        stored = store(mapper, example(cls, new_stream_id()))
        assert split(stored.state)[1] == b""
        assert split(stored.state)[0].period == 0


@pytest.mark.parametrize("retention", [r for r in Retention if r is not Retention.PUBLIC], ids=lambda r: r.name)
def test_every_retention_class_has_periods_of_its_own(retention: Retention, quiet: Wiring) -> None:
    others = {quiet.keyring.period(r, 24_304) for r in Retention if r is not retention}
    assert quiet.keyring.period(retention, 24_304) not in others
