"""Reading a stream for a fold: without envelope, and otherwise the same as event by event."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic

from adapters.eventlog import mapper as mapping
from adapters.eventlog.mapper import SealingMapper, _quick, split
from app.wiring import Wiring
from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from tests.adapters.eventlog.examples import CUSTOMER, example, stored_classes
from tests.adapters.eventlog.test_erasure import a_customer

by_class = pytest.mark.parametrize("cls", sorted(stored_classes(), key=get_topic), ids=get_topic)


def row(stored: StoredEvent) -> tuple[UUID, int, str, bytes]:
    stream: Any = stored.originator_id
    return stream, stored.originator_version, stored.topic, stored.state


@by_class
def test_a_fact_has_the_fields_of_its_event(cls: type[Event], mapper: SealingMapper, stream: UUID) -> None:
    event = example(cls, stream)
    ((version, kind, fact),) = mapper.facts(stream, [row(mapper.to_stored_event(event))])
    assert (version, kind) == (1, cls)
    for name in set(cls.model_fields) - cls.ENVELOPE:
        found, expected = getattr(fact, name), getattr(event, name)
        assert found == expected
        assert type(found) is type(expected)


@by_class
def test_a_fact_without_what_may_be_left_out(cls: type[Event], mapper: SealingMapper, stream: UUID) -> None:
    event = example(cls, stream)
    bare = {n: f.get_default() for n, f in cls.model_fields.items() if not f.is_required() and n not in cls.ENVELOPE}
    event = event.model_copy(update=bare)
    ((_, _, fact),) = mapper.facts(stream, [row(mapper.to_stored_event(event))])
    assert {name: getattr(fact, name) for name in bare} == bare


def test_all_but_what_has_a_ledger_is_read_quickly() -> None:
    slow = {cls for cls in CUSTOMER if _quick(get_topic(cls)) is None}
    books = {Customer.CustomerErased, Customer.LedgerRefunded}
    assert slow == {Customer.OrderPlaced, Customer.LinesReturned, *books}


@pytest.mark.parametrize("cls", [Customer.ProductViewed, Customer.AddedToCart, Customer.OrderPlaced], ids=get_topic)
def test_damage_is_refused(cls: type[Event], mapper: SealingMapper, stream: UUID) -> None:
    stored = mapper.to_stored_event(example(cls, stream))
    state = stored.state
    sealed = len(split(state)[1])
    flipped = [
        state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :] for at in (0, 3, len(state) - sealed, -1 % len(state))
    ]
    cut = [state[:end] for end in (0, 3, 9, len(state) - sealed + 5, len(state) - 1)]
    for damaged in (*flipped, *cut):
        with pytest.raises(MapperDeserialisationError):
            mapper.facts(stream, [row(replace(stored, state=damaged))])
    for moved in (replace(stored, originator_version=2), replace(stored, topic=get_topic(Customer.Searched))):
        with pytest.raises(MapperDeserialisationError):
            mapper.facts(stream, [row(moved)])


def test_an_older_version_is_brought_up_to_date(
    mapper: SealingMapper, stream: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = mapper.to_stored_event(example(Customer.CategoryBrowsed, stream, category="Old"))

    def upcast(state: dict[str, Any]) -> None:
        state["category"] = state["category"].replace("Old", "New")

    mapping._quick.cache_clear()
    monkeypatch.setattr(Customer.CategoryBrowsed, "class_version", 2)
    monkeypatch.setattr(Customer.CategoryBrowsed, "upcast_v1_v2", staticmethod(upcast), raising=False)
    ((_, kind, fact),) = mapper.facts(stream, [row(stored)])
    mapping._quick.cache_clear()
    assert (kind, fact.category) == (Customer.CategoryBrowsed, "New")


def test_a_field_that_the_class_does_not_have_is_refused(mapper: SealingMapper, stream: UUID, quiet: Wiring) -> None:
    event = example(Customer.Searched, stream)
    header, _ = split(mapper.to_stored_event(event).state)
    facts = event.model_dump(mode="json", exclude=Event.ENVELOPE) | {"more": 1}
    head = mapping._ENCODER.encode(header)
    cipher, nonce = quiet.keyring.cipher(stream, header.period), bytes(12)
    bound = mapping._bound(stream, 1, get_topic(Customer.Searched))
    sealed = nonce + cipher.encrypt(nonce, msgspec.json.encode(facts), bound)
    state = mapping._START.pack(mapping.FORMAT, len(head)) + head + sealed
    with pytest.raises(MapperDeserialisationError):
        mapper.facts(stream, [(stream, 1, get_topic(Customer.Searched), state)])


def test_a_stream_whose_key_is_destroyed_tells_that_it_is_erased(
    wiring: Wiring, elsewhere: Wiring, keys_database: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    customer = a_customer(wiring)
    rows = [row(e) for e in wiring.customers[0].recorder.select_streams([customer.id])]
    keys_database.execute("DELETE FROM stream_key WHERE stream = %s", (customer.id,))
    facts = elsewhere.customers[0].mapper.facts(customer.id, rows)
    assert [(version, kind) for version, kind, _ in facts] == [(n, Erased) for n in (1, 2, 3, 4)]
    assert facts[3][2].ledger["order_id"] == "ORDER-77"
