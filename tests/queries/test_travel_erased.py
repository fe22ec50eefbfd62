"""An erased person, at every moment: that they are erased, and what law makes a retailer keep."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind
from domain.values import Channel, Line
from queries.moment import Moment
from queries.profile import kept
from queries.timeline import timeline
from queries.travel import Snapshot, erased, travel
from tests.projections.facts import START
from tests.queries.worlds import World, worlds

ONE, TWO = UUID(int=1), UUID(int=2)
LAW = {"occurred_at", "channel", "order_id", "return_id", "currency"} | {
    f"{name}_cents" for name in ("total", "tax", "shipping", "discount", "refund")
}


@dataclass
class Recorder:
    """Writes a stream's events by hand; recorded a day after they happened."""

    world: World
    stream: UUID

    def add(self, kind: type[Customer.Event], day: int, /, **fields: Any) -> None:
        events = self.world.streams.setdefault(self.stream, [])
        when = START + timedelta(days=day)
        version = len(events) + 1
        envelope: dict[str, Any] = {"originator_id": self.stream, "originator_version": version}
        told = {"timestamp": when + timedelta(days=1), "source_id": f"{version}", "channel": Channel.WEB}
        events.append(kind(**envelope, **told, occurred_at=when, **fields))


def erase(world: World, *streams: UUID) -> None:
    """What the log reads of streams whose keys are destroyed."""
    for stream in streams:
        world.streams[stream] = [erased(event) for event in world.streams[stream]]


def shopper() -> World:
    """A user and their e-mail: two orders, of which one is reported on both streams, and a refund."""
    world = World()
    user, mail = Recorder(world, ONE), Recorder(world, TWO)
    user.add(Customer.Opened, 0, kind=IdentifierKind.USER, value="ann", originator_topic="customer")
    mail.add(Customer.Opened, 0, kind=IdentifierKind.EMAIL, value="ann@canary.example", originator_topic="customer")
    for here, there, kind in ((user, TWO, IdentifierKind.EMAIL), (mail, ONE, IdentifierKind.USER)):
        here.add(Customer.IdentifierLinked, 0, other=there, other_kind=kind, evidence="Identify")
    user.add(Customer.Searched, 1, query="canary")
    bought: dict[str, Any] = {"lines": (Line(sku="canary", quantity=1),), "currency": "EUR"}
    user.add(Customer.OrderPlaced, 2, order_id="o1", total_cents=5_000, **bought)
    mail.add(Customer.OrderPlaced, 2, order_id="o1", total_cents=5_000, **bought)
    mail.add(Customer.OrderPlaced, 5, order_id="o2", total_cents=700, **bought | {"currency": "USD"})
    back = {"refund_cents": 1_200, "currency": "EUR", "reason": "canary"}
    user.add(Customer.LinesReturned, 8, order_id="o1", return_id="r1", **back)
    return world


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def past(world: World, stream: UUID, **when: datetime) -> Snapshot:
    found = travel(world.read, stream, Moment(**when))
    assert found is not None and found.erased
    return found


def test_every_moment_reads_erased_with_what_had_been_paid_by_then() -> None:
    world = shopper()
    erase(world, ONE)
    erase(world, TWO)
    told = {day: kept(past(world, ONE, as_of=at(day)), Moment(at(day))) for day in (-9, 1, 2, 7, 8, 99)}
    assert {p.status for p in told.values()} == {"erased"}
    assert [p.ledger_net for p in told.values()] == [{}, {}, {"EUR": "50.00"}, {"EUR": "50.00"}] + [
        {"EUR": "38.00"}
    ] * 2
    assert [len(p.ledger) for p in told.values()] == [0, 0, 1, 1, 2, 2]
    assert told[99].ledger[0].facts == {
        "erased": True,
        "occurred_at": "2026-03-09T12:00:00Z",
        "channel": "web",
        "order_id": "o1",
        "return_id": "r1",
        "refund_cents": 1_200,
        "currency": "EUR",
    }
    assert (told[99].identity_graph, told[99].demographics, told[99].behavior, told[99].consent) == ({}, {}, {}, ())


def test_a_refund_counts_from_when_it_was_known() -> None:
    world = shopper()
    erase(world, ONE)
    before, after = (kept(past(world, ONE, known_at=at(day)), Moment()) for day in (8.9, 9))
    assert (before.ledger_net, after.ledger_net) == ({"EUR": "50.00"}, {"EUR": "38.00"})
    assert travel(world.read, ONE, Moment(known_at=at(0.9))) is None


def test_one_erased_stream_erases_the_person_and_an_order_reported_twice_counts_once() -> None:
    """As while an erasure is at work: of the streams that can still be read no more is shown than of the others."""
    for gone in (ONE, TWO):
        world = shopper()
        erase(world, gone)
        for stream in (TWO if gone == ONE else ONE,):
            found = past(world, stream)
            profile = kept(found, Moment())
            assert profile.streams == (ONE, TWO)
            assert profile.ledger_net == {"EUR": "38.00", "USD": "7.00"}
            assert "canary" not in repr((profile, timeline(found.streams.items(), 100)))


def test_a_person_is_erased_at_a_moment_at_which_an_erased_stream_was_theirs() -> None:
    """Once the link is taken back, and that is known, the other one is a living person again."""
    world = shopper()
    user = Recorder(world, ONE)
    user.add(Customer.IdentifierUnlinked, 10, other=TWO, reason="wrong")
    erase(world, TWO)
    assert past(world, ONE, known_at=at(10)).streams.keys() == {ONE, TWO}
    today = travel(world.read, ONE, Moment())
    assert today is not None and not today.erased
    assert (today.person_id, today.record().spend[0].refunded) == (ONE, 1_200)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.data())
def test_whatever_was_erased_tells_nothing_but_the_ledger_at_any_moment(world: World, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(sorted(world.streams)), min_size=1))
    happened, recorded = world.moments()
    erase(world, *gone)
    for start in world.streams:
        moment = Moment(data.draw(st.sampled_from(happened)), data.draw(st.sampled_from(recorded)))
        found = travel(world.read, start, moment)
        if start in gone and moment.knows(world.streams[start][0]):
            assert found is not None and found.erased
        if found is None or not found.streams.keys() & gone:
            assert found is None or not found.erased
            continue
        assert found.erased
        for each in (event for events in found.streams.values() for event in events):
            assert_bare(each, moment)


def assert_bare(event: Event, moment: Moment) -> None:
    assert isinstance(event, Erased)
    assert event.ledger.keys() <= LAW
    assert moment.known_at is None or event.timestamp <= moment.known_at
    happened = event.ledger.get("occurred_at")
    if happened and moment.as_of:
        assert datetime.fromisoformat(happened) <= moment.as_of
