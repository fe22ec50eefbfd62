"""Keys destroyed: what is left of a stream or a month, and that nothing can be added to it."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from adapters.eventlog.mapper import split
from app.wiring import Wiring
from commands.browse import RecordSearch
from commands.ports import ErasedError
from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from tests.adapters.eventlog.examples import CUSTOMER, EMAIL

Connection = psycopg.Connection[tuple[object, ...]]
WHO = Identifier(kind=IdentifierKind.EMAIL, value=EMAIL)
MAY, JUNE = datetime(2025, 5, 5, tzinfo=UTC), datetime(2025, 6, 6, tzinfo=UTC)


def a_customer(wiring: Wiring) -> Customer:
    """A stream with searches in two months and an order."""
    stream = wiring.directory.claim([WHO])[WHO]
    customer = Customer.open(stream, WHO, occurred_at=MAY, channel=Channel.WEB)
    for at in (MAY, JUNE):
        customer.record(Customer.Searched, source_id=f"s{at}", occurred_at=at, channel=Channel.WEB, query="canary")
    order = CUSTOMER[Customer.OrderPlaced]
    customer.place_order(source_id="o", occurred_at=JUNE, channel=Channel.WEB, **order)
    wiring.customers[0].save([customer])
    return customer


def events(wiring: Wiring, stream: UUID) -> list[Event]:
    ((_, found),) = wiring.customers[0].streams([stream])
    return found


def test_a_stream_whose_key_is_destroyed_reads_as_erased_with_its_ledger(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    before = events(wiring, customer.id)
    keys_database.execute("DELETE FROM stream_key WHERE stream = %s", (customer.id,))
    after = events(elsewhere, customer.id)
    assert [type(e) for e in after] == [Erased] * 4
    assert [(e.originator_version, e.timestamp) for e in after] == [(e.originator_version, e.timestamp) for e in before]
    opened, _, _, order = after
    assert isinstance(opened, Erased)
    assert isinstance(order, Erased)
    assert (opened.topic, opened.ledger) == ("customer.opened", {})
    assert order.ledger["order_id"] == "ORDER-77"
    assert order.ledger["total_cents"] == 3898
    assert order.ledger["occurred_at"] == "2025-06-06T00:00:00Z"
    assert "lines" not in order.ledger


def test_a_month_whose_key_is_destroyed_is_erased_for_everybody_and_no_other_is(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    stored = wiring.customers[0].read(0, 10)
    period = split(stored[1].state)[0].period  # behaviour of May
    keys_database.execute("DELETE FROM period_key WHERE period = %s", (period,))
    found = events(elsewhere, customer.id)
    assert [type(e) for e in found] == [Customer.Opened, Erased, Customer.Searched, Customer.OrderPlaced]
    loaded = elsewhere.customers[0].load([customer.id])[customer.id]
    assert loaded.version == 4
    assert loaded.orders == {"ORDER-77"}


def test_a_month_that_was_destroyed_gets_a_new_key_for_late_facts(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    keys_database.execute("DELETE FROM period_key WHERE retention = 1")
    late = elsewhere.customers[0].load([customer.id])[customer.id]
    late.record(Customer.Searched, source_id="late", occurred_at=MAY, channel=Channel.WEB, query="late")
    elsewhere.customers[0].save([late])
    found = events(elsewhere, customer.id)
    assert [type(e) for e in found] == [Customer.Opened, Erased, Erased, Customer.OrderPlaced, Customer.Searched]


def test_nothing_is_recorded_on_a_stream_whose_key_is_destroyed(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    keys_database.execute("DELETE FROM stream_key WHERE stream = %s", (customer.id,))
    customer.record(Customer.Searched, source_id="n", occurred_at=JUNE, channel=Channel.WEB, query="after")
    log = elsewhere.customers[0]
    with pytest.raises(ErasedError) as caught:
        log.save([customer])
    assert caught.value.streams == {customer.id}
    assert log.head() == 4


def test_the_bus_makes_a_stranger_of_whoever_comes_then(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    keys_database.execute("DELETE FROM stream_key WHERE stream = %s", (customer.id,))
    stranger = Identifier(kind=IdentifierKind.USER, value="stranger")
    searches = [
        RecordSearch(identifiers=(who,), source_id="n", occurred_at=JUNE, channel=Channel.WEB, query="after")
        for who in (stranger, WHO)
    ]
    outcomes = elsewhere.bus().dispatch(searches)
    assert [outcome.events for outcome in outcomes] == [1, 1]
    assert customer.id not in {outcome.stream for outcome in outcomes}
    assert elsewhere.customers[0].head() == 8
    assert len(events(elsewhere, customer.id)) == 4
    assert keys_database.execute("SELECT count(*) FROM stream_key WHERE stream = %s", (customer.id,)).fetchone() == (0,)


def test_erased_events_are_projected_as_versions_only(
    wiring: Wiring, elsewhere: Wiring, keys_database: Connection
) -> None:
    customer = a_customer(wiring)
    keys_database.execute("DELETE FROM stream_key WHERE stream = %s", (customer.id,))
    batch = elsewhere.customers[0].decode_all(elsewhere.customers[0].read(0, 10))
    assert [type(e) for e in batch] == [Erased] * 4
