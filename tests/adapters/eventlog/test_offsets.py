"""A consumer's offsets: stored with its events or not at all, and moved by nobody who was fenced out."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.wiring import Wiring
from commands.ports import ConflictError, FencedError, Progress
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel

SOURCE = "cluster/topic"


def stranger() -> Customer:
    """A stream with one pending event."""
    identifier = Identifier(kind=IdentifierKind.USER, value="somebody")
    return Customer.open(uuid4(), identifier, occurred_at=datetime(2026, 3, 1, tzinfo=UTC), channel=Channel.WEB)


def test_offsets_are_stored_with_the_events(wiring: Wiring) -> None:
    log = wiring.customers[0]
    log.save([stranger()], Progress(SOURCE, {0: 10, 3: 7}))
    log.save([stranger()], Progress(SOURCE, {0: 20}))
    log.save((), Progress(SOURCE, {3: 8}))
    assert log.consumed(SOURCE) == {0: 20, 3: 8}
    assert log.consumed("another/topic") == {}
    assert log.head() == 2


def test_an_offset_never_goes_back(wiring: Wiring) -> None:
    log = wiring.customers[0]
    log.save((), Progress(SOURCE, {0: 10}))
    log.save([stranger()], Progress(SOURCE, {0: 4}))
    assert log.consumed(SOURCE) == {0: 10}


def test_a_fenced_consumer_stores_nothing(wiring: Wiring) -> None:
    mine = wiring.customers[0]
    mine.save((), Progress(SOURCE, {0: 10}))
    with Wiring(wiring.settings) as elsewhere:
        other = elsewhere.customers[0]
        assert other.consumed(SOURCE) == {0: 10}
        other.save([stranger()], Progress(SOURCE, {0: 15}))
        with pytest.raises(FencedError):
            mine.save([stranger()], Progress(SOURCE, {0: 12}))
        assert mine.head() == 1
        assert mine.consumed(SOURCE) == {0: 15}
        mine.save([stranger()], Progress(SOURCE, {0: 16}))
        assert other.consumed(SOURCE) == {0: 16}


def test_two_new_consumers_do_not_both_begin(wiring: Wiring) -> None:
    mine = wiring.customers[0]
    with Wiring(wiring.settings) as elsewhere:
        elsewhere.customers[0].save((), Progress(SOURCE, {0: 5}))
        with pytest.raises(FencedError):
            mine.save([stranger()], Progress(SOURCE, {0: 5}))
        assert mine.head() == 0


def test_events_that_lose_their_race_move_no_offset(wiring: Wiring) -> None:
    log, customer = wiring.customers[0], stranger()
    again = Customer.open(
        customer.id,
        Identifier(kind=IdentifierKind.USER, value="somebody"),
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
        channel=Channel.WEB,
    )
    log.save([customer], Progress(SOURCE, {0: 1}))
    with pytest.raises(ConflictError):
        log.save([again], Progress(SOURCE, {0: 2}))
    assert log.consumed(SOURCE) == {0: 1}
