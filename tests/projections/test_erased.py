"""After an erasure everything folded is as if the person had never come: records live and rebuilt, statistics, training
examples, experiments, attribution; only versions and positions differ. And the books are the same to the cent."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.customer import Customer
from domain.event import Event
from domain.identity import Identifier, IdentifierKind, persons
from domain.values import Campaign, Channel
from projections.attribution.models import MODELS
from projections.attribution.rules import DAY_MS
from projections.attribution.rules import Rules as Touching
from projections.attribution.stages import trails
from projections.attribution.trail import Trail
from projections.bulk import bring_together, fold_streams
from projections.examples import Rules, examples
from projections.experiments.exposed import Person, Totals, outcomes
from projections.experiments.exposed import Rules as Counting
from projections.experiments.exposed import fold as totals_of
from projections.gathering import gathered, linked
from projections.moment import millis
from projections.ports import Fact, Recorded
from queries.attribution_report import Asked, AttributionReport, report
from queries.travel import erased
from readmodels.customer import decode
from tests.projections.facts import CHANNELS, START, histories
from tests.projections.memory import MemoryCustomerStore, projection

CASES = int(os.environ.get("BESPOKE_ERASURE_CASES", "40"))
NAMES = (IdentifierKind.USER, IdentifierKind.EMAIL, IdentifierKind.PHONE)
MEDIA = st.sampled_from([None, "email", "social", "cpc", "affiliate"])
CURRENCIES = st.sampled_from(["USD", "EUR"])
REQUEST = UUID(int=1 << 100)
AFTER = START + timedelta(days=2)
Log = list[Event]


@dataclass(slots=True)
class World:
    """``log``: in the order of recording. ``victim``: the streams of one person, whoever the links say that is."""

    log: Log
    victim: frozenset[UUID]


def kinds_of(people: Sequence[int], devices: int) -> dict[UUID, IdentifierKind]:
    """A person's named streams, then devices; ids in the order of their making."""
    named = [NAMES[place % len(NAMES)] for count in people for place in range(count)]
    return {UUID(int=n): kind for n, kind in enumerate([*named, *[IdentifierKind.DEVICE] * devices], 1)}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some people with streams of their own, and devices that some of them share; one of them is erased."""
    people, devices = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4)), draw(st.integers(0, 2))
    kinds = kinds_of(people, devices)
    customers = {stream: _opened(stream, kind) for stream, kind in kinds.items()}
    log = [event for customer in customers.values() for event in _collected(customer)]
    links = list(_links(draw, people, devices))
    told: list[tuple[UUID, dict[str, Any] | UUID]] = [(one, other) for one, other in links]
    for stream in customers:
        told += [(stream, fact) for fact in (*draw(histories(most=6)), *_trade(draw))]
        if draw(st.booleans()):
            told.append((stream, _exposure(draw)))
    for number, (stream, what) in enumerate(draw(st.permutations(told))):
        if isinstance(what, UUID):
            for here, there in ((stream, what), (what, stream)):
                _link(customers[here], customers[there], number)
                log += _collected(customers[here])
        else:
            _record(customers[stream], what, number)
            log += _collected(customers[stream])
    whole = persons(kinds, links)
    return World(log, whole[draw(st.sampled_from(sorted(kinds)))])


def _links(draw: st.DrawFn, people: Sequence[int], devices: int) -> Iterator[tuple[UUID, UUID]]:
    first = 1
    named: list[UUID] = []
    for count in people:
        own = [UUID(int=first + place) for place in range(count)]
        yield from pairwise(own)
        named.append(own[0])
        first += count
    for device in range(devices):
        for owner in draw(st.sets(st.sampled_from(named), max_size=3)):
            yield owner, UUID(int=first + device)


def _opened(stream: UUID, kind: IdentifierKind) -> Customer:
    value = f"p{stream.int}@example.com" if kind is IdentifierKind.EMAIL else f"12345{stream.int}"
    return Customer.open(stream, Identifier(kind=kind, value=value), occurred_at=START, channel=Channel.WEB)


def _link(here: Customer, there: Customer, number: int) -> None:
    said: dict[str, Any] = {"source_id": f"l{number}#{there.id.hex}", "occurred_at": START, "channel": Channel.WEB}
    here.link(there.id, other_kind=there.kind, evidence="Identify", **said)


def _trade(draw: st.DrawFn) -> Iterator[dict[str, Any]]:
    """How somebody came, what they bought, and what of it went back; at any time and in any order."""
    for number in range(draw(st.integers(0, 2))):
        when = {"occurred_at": START + timedelta(minutes=draw(st.integers(0, 40)))}
        yield {"class": Customer.Seen, "campaign": Campaign(medium=draw(MEDIA)), "channel": draw(CHANNELS), **when}
        cents, name = draw(st.integers(1, 20_000)), {"order_id": f"bought {number}", "currency": draw(CURRENCIES)}
        sold = {"channel": Channel.WEB, "total_cents": cents, "lines": ()}
        yield {"class": Customer.OrderPlaced, **name, **sold, **when}
        if draw(st.booleans()):
            back = {"return_id": f"back {number}", "refund_cents": draw(st.sampled_from([cents, cents // 3]))}
            yield {"class": Customer.LinesReturned, "channel": Channel.STORE, **name, **back, **when}


def _exposure(draw: st.DrawFn) -> dict[str, Any]:
    when = START + timedelta(minutes=draw(st.integers(0, 40)))
    return {"class": Customer.ExperimentExposed, "variant": draw(st.sampled_from("ab")), "occurred_at": when}


def _record(customer: Customer, what: dict[str, Any], number: int) -> None:
    fields = {name: value for name, value in what.items() if name not in ("class", "source_id")}
    source = f"f{number}"
    if what["class"] is Customer.ExperimentExposed:
        customer.expose("hero", source_id=source, hash_version="blake2b-10000", channel=Channel.WEB, **fields)
    elif what["class"] is Customer.OrderPlaced:
        customer.place_order(source_id=source, **fields | {"order_id": f"{customer.id.int}:{fields['order_id']}"})
    elif what["class"] is Customer.LinesReturned:
        own = {name: f"{customer.id.int}:{fields[name]}" for name in ("order_id", "return_id")}
        customer.return_lines(source_id=source, **fields | own)
    else:
        customer.record(what["class"], source_id=source, **fields)


def _collected(customer: Customer) -> Log:
    return [event for event in customer.collect_events() if isinstance(event, Event)]


def ending(world: World) -> Log:
    """What an erasure records: neighbours lose their links, the person's streams are closed."""
    customers: dict[UUID, Any] = {}
    for event in world.log:
        customers[event.originator_id] = event.mutate(customers.get(event.originator_id))
    found: Log = []
    for stream in sorted(world.victim):
        for other in sorted(customers[stream].linked - world.victim):
            said: dict[str, Any] = {"reason": "erased", "occurred_at": AFTER, "channel": Channel.SERVICE}
            customers[other].unlink(stream, source_id=f"erasure#{stream.hex}", **said)
            found += _collected(customers[other])
        customers[stream].erase(REQUEST, occurred_at=AFTER)
        found += _collected(customers[stream])
    return found


def after(world: World) -> Log:
    """As the log reads once the keys are destroyed."""
    closed = world.log + ending(world)
    return [_left(event) if event.originator_id in world.victim else event for event in closed]


def _left(event: Event) -> Event:
    return event if isinstance(event, Customer.CustomerErased) else erased(event)


def without(world: World) -> Log:
    """The same log less the person's streams and others' links to them."""
    versions: Counter[UUID] = Counter()
    found: Log = []
    for event in world.log:
        if event.originator_id in world.victim or getattr(event, "other", None) in world.victim:
            continue
        versions[event.originator_id] += 1
        found.append(event.model_copy(update={"originator_version": versions[event.originator_id]}))
    return found


class Histories:
    """A log by stream, for refills."""

    def __init__(self, log: Log) -> None:
        self._streams = by_stream(log)

    def streams(self, streams: Sequence[UUID]) -> Iterable[tuple[UUID, list[Event]]]:
        return [(stream, self._streams[stream]) for stream in streams if stream in self._streams]


def by_stream(log: Log) -> dict[UUID, list[Event]]:
    found: dict[UUID, list[Event]] = {}
    for event in log:
        found.setdefault(event.originator_id, []).append(event)
    return found


def live(*parts: tuple[Log, Log]) -> MemoryCustomerStore:
    """Each part is what comes, and what the log says by then to whoever asks it."""
    store, position = MemoryCustomerStore(), 0
    for comes, says in parts:
        one = projection(store, Histories(says))  # type: ignore[arg-type]
        for event in comes:
            position += 1
            one.apply([Recorded(position, event)])
    return store


def people_in(store: MemoryCustomerStore, streams: Iterable[UUID]) -> dict[UUID, Any]:
    """Each stream's person, with all records but for their versions."""
    return {
        stream: (home, {s: replace(decode(value), version=0) for s, value in fields.items()})
        for stream, (home, fields) in store.members(sorted(streams)).items()
    }


def bulk(log: Log) -> tuple[MemoryCustomerStore, Any]:
    """Records and counts, folded whole."""
    store = MemoryCustomerStore()
    streams = [(s, _facts(events)) for s, events in sorted(by_stream(log).items())]
    folded = fold_streams(streams, store=store, statistics=True)
    bring_together(store, folded.linked)
    return store, folded.counts


def _facts(events: Iterable[Event]) -> list[Fact]:
    return [(event.originator_version, type(event), event) for event in events]


def together(log: Log) -> Iterator[Mapping[UUID, Sequence[Event]]]:
    """Whole persons, as training sets and experiments read them."""
    streams = by_stream(log)
    groups = gathered(each for s, events in streams.items() if (each := linked(s, events)))
    alone = streams.keys() - {member for members in groups for member in members}
    for members in sorted([*groups, *(frozenset({s}) for s in alone)], key=min):
        yield {s: streams[s] for s in sorted(members) if s in streams}


def trained(log: Log, rules: Rules) -> list[Any]:
    """The examples of everybody who has some."""
    return [found for streams in together(log) if (found := examples(streams, rules))]


def experimented(log: Log) -> Totals:
    """What an experiment's tally says."""
    found = []
    for streams in together(log):
        seen = [e for events in streams.values() for e in events if isinstance(e, Customer.ExperimentExposed)]
        if seen:
            times = tuple(sorted((millis(each.occurred_at), each.variant) for each in seen))
            found.append(Person(times, outcomes(streams, "EUR")))
    return totals_of(found, Counting())


def attributed(log: Log, asked: Asked) -> AttributionReport:
    """What orders are owed to, folded anew."""
    return report(trails(by_stream(log)), (0,), asked)


def as_it_came(*parts: Log) -> dict[UUID, Trail]:
    """Trails to which each event was given as it was recorded, long before it was erased."""
    found: dict[UUID, Trail] = {}
    for event in (event for part in parts for event in part):
        found.setdefault(event.originator_id, Trail()).take([event])
    return found


def owed(made: AttributionReport) -> dict[str, Any]:
    """By currency: what everybody who is there is credited with, and by which ways they came."""
    found = {}
    for each in made.currencies:
        money = each.money
        rest = money.credited, money.unattributed, money.unattributed_orders, money.orders - money.erased_orders
        if any(rest):
            found[each.currency] = (rest, each.models, each.converting, each.to_nothing, each.ways, each.delays)
    return found


def net(log: Iterable[Event]) -> Counter[str]:
    """By currency: what was sold, less what went back."""
    sums: Counter[str] = Counter()
    for event in log:
        told = erased(event).ledger
        if told:
            sums[told["currency"]] += told.get("total_cents", 0) - told.get("refund_cents", 0)
    return sums


def books(log: Log) -> Counter[str]:
    """Sums of all ledger amounts by kind and currency."""
    sums: Counter[str] = Counter()
    for event in log:
        left = erased(event)
        for name in ("total_cents", "refund_cents", "tax_cents", "shipping_cents", "discount_cents"):
            if name in left.ledger:
                sums[f"{name} {left.ledger['currency']}"] += left.ledger[name]
    return sums


@settings(max_examples=CASES, deadline=None)
@given(world=worlds())
def test_folds_are_as_if_the_person_had_never_come(world: World) -> None:
    gone, never = after(world), without(world)
    others = {event.originator_id for event in never}
    expected = people_in(live((never, never)), others)
    # Projected before, then erased: what is in hand is read before, what the log says then is read after.
    begun = live((world.log, world.log), (ending(world), gone))
    assert people_in(begun, others) == expected
    assert not {s for fields in begun.homes.values() for s in fields} & world.victim
    # Everything projected only afterwards, live and whole.
    late, (whole, counts) = live((gone, gone)), bulk(gone)
    assert people_in(late, others) == people_in(whole, others) == expected
    assert not {s for store in (late, whole) for fields in store.homes.values() for s in fields} & world.victim
    assert counts == bulk(never)[1]


@settings(max_examples=CASES, deadline=None)
@given(world=worlds(), known=st.booleans())
def test_training_sets_and_experiments_are_as_if_the_person_had_never_come(world: World, known: bool) -> None:
    gone, never = after(world), without(world)
    rules = Rules(known=known)
    assert trained(gone, rules) == trained(never, rules)
    assert experimented(gone) == experimented(never)


@settings(max_examples=CASES, deadline=None)
@given(world=worlds(), models=st.sets(st.sampled_from(MODELS), min_size=1, max_size=2), shown=st.booleans())
def test_attribution_credits_everybody_else_as_if_the_person_had_never_come(
    world: World, models: set[str], shown: bool
) -> None:
    gone, never = after(world), without(world)
    begin = millis(START)
    asked = Asked(tuple(sorted(models)), begin - DAY_MS, begin + DAY_MS, Touching(shown=shown))
    made = attributed(gone, asked)
    assert owed(made) == owed(attributed(never, asked))
    assert report(as_it_came(world.log, ending(world)), (0,), asked) == made
    # The victim's orders are nobody's, and are told as such: the ledger has lost no cent.
    hers = [event for event in world.log if event.originator_id in world.victim]
    orders = Counter(event.currency for event in hers if isinstance(event, Customer.OrderPlaced))
    whole, lost = net(world.log), net(hers)
    for each in made.currencies:
        money, currency = each.money, each.currency
        assert (money.net, money.erased, money.erased_orders) == (whole[currency], lost[currency], orders[currency])
        assert money.credited + money.unattributed + money.erased == money.net
        assert all(sum(c.cents for c in model.channels) == money.credited for model in each.models)
    assert {each.currency for each in made.currencies} == whole.keys()


@settings(max_examples=CASES, deadline=None)
@given(world=worlds())
def test_the_books_are_the_same_to_the_cent(world: World) -> None:
    assert books(after(world)) == books(world.log)
