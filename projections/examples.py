"""Training examples: one person's events folded in the order in which they happened. Pure.

The features of an example are those of the record as it stood before it: the same draft, the same rules and the same
``features`` as in serving, fed event by event and read where an interaction comes. Nothing at or after the example's
own millisecond is in them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.values import Purpose
from projections.customer import Draft, fold
from projections.knowledge import AsKnown, unreadable
from projections.moment import digest, millis, tag
from projections.permission import Permission, child, words
from projections.statistics import CART as CART_WEIGHT
from projections.statistics import ORDER as ORDER_WEIGHT
from projections.statistics import VIEW as VIEW_WEIGHT
from readmodels.customer import CustomerRecord
from readmodels.features import CART, PURCHASE, SESSION_GAP_MS, VIEW, Example, Features, cart_of, features

WEIGHTS = {VIEW: float(VIEW_WEIGHT), CART: float(CART_WEIGHT), PURCHASE: float(ORDER_WEIGHT)}
Streams = Mapping[UUID, Sequence[Event]]
#: (at, tag, part, kind, SKU, category, brand)
Positive = tuple[int, int, int, int, str, str | None, str | None]


class Rules(msgspec.Struct, frozen=True):
    """What may become an example. ``assumed``: whether a person who never said a word on the ``purposes`` takes part.
    ``known``: features hold only what was recorded by then, as for honest evaluation; without, all that had happened.
    ``until_ms``: examples before this moment only."""

    assumed: bool = True
    known: bool = False
    until_ms: int | None = None
    purposes: tuple[Purpose, ...] = (Purpose.PROFILING, Purpose.TRAINING)


def examples(streams: Streams, rules: Rules) -> list[Example]:
    """The examples of one person, whose streams these are, in the order of their time.

    None of a person who has an erased stream, or whose consent stands withdrawn by the last word recorded, or who is
    known to be under 16.
    """
    if unreadable(streams.values()) or child(streams.values()):
        return []
    permission = Permission(words(streams.values()), rules.purposes, assumed=rules.assumed)
    if not permission.stands:
        return []
    past = AsKnown(permission) if rules.known else Together(permission)
    return list(_walk(streams, rules, permission, past))


class Together:
    """All streams of the person in one draft, each event from the millisecond after it happened."""

    def __init__(self, permission: Permission) -> None:
        self._permission = permission
        self._draft = Draft(CustomerRecord())

    def enters(self, event: Any) -> int:
        """The first moment at which the event is of the past."""
        return millis(event.occurred_at) + 1

    def enter(self, at: int, stream: UUID, event: Event) -> None:
        """The event is of the past from now on."""
        if self._permission.at(at - 1):
            fold(event, self._draft)

    def record(self, stream: UUID) -> CustomerRecord:
        """Of the person to whom the stream belongs, as it stands."""
        return self._draft.finish(0)


def _walk(streams: Streams, rules: Rules, permission: Permission, past: Together | AsKnown) -> Iterator[Example]:
    entering = _entering(streams, past)
    entered, last, session, position, orders = 0, None, -1, 0, set[int]()
    for at, stream, facts in _moments(streams):
        if rules.until_ms is not None and at >= rules.until_ms:
            return
        if not permission.at(at):
            continue
        while entered < len(entering) and entering[entered][0] <= at:
            when, _, whose, event = entering[entered]
            past.enter(when, whose, event)
            entered += 1
        record = past.record(stream)
        found = _positives(facts, record, at, orders)
        if not found:
            continue
        if last is None or at - last > SESSION_GAP_MS:
            session, position = session + 1, 0
        last, seen = at, features(record, at)
        for positive in found:
            yield _example(positive, session, position, seen)
            position += 1


def _entering(streams: Streams, past: Together | AsKnown) -> list[tuple[int, int, UUID, Event]]:
    """All events by the moment from which they are of the past; of one stream and moment in the order of versions."""
    found = [
        (past.enters(event), event.originator_version, stream, event)
        for stream, events in streams.items()
        for event in events
        if not isinstance(event, Erased)
    ]
    found.sort(key=itemgetter(0, 1))
    return found


def _moments(streams: Streams) -> Iterator[tuple[int, UUID, list[Any]]]:
    """Interactions by moment and stream, those of one millisecond together, so that none is another one's past."""
    found: dict[tuple[int, UUID], list[Any]] = {}
    for stream, events in streams.items():
        fact: Any
        for fact in events:
            if type(fact) in POSITIVE:
                found.setdefault((millis(fact.occurred_at), stream), []).append(fact)
    if len(streams) == 1:
        order = sorted(found)
    else:
        order = sorted(found, key=lambda key: (key[0], min(tag(fact.source_id) for fact in found[key])))
    yield from ((at, stream, found[at, stream]) for at, stream in order)


def _positives(facts: Iterable[Any], record: CustomerRecord, at: int, orders: set[int]) -> list[Positive]:
    """In the order of source and part. ``orders``: what was reported already, by another system too, is no news."""
    found: list[Positive] = []
    for mark, fact in sorted(((tag(fact.source_id), fact) for fact in facts), key=itemgetter(0)):
        if type(fact) is Customer.ProductViewed:
            found.append((at, mark, 0, VIEW, fact.sku, fact.category, fact.brand))
        elif isinstance(fact, Customer.AddedToCart):
            found.append((at, mark, 0, CART, fact.line.sku, fact.line.category, fact.line.brand))
        elif isinstance(fact, Customer.CartReplaced):
            before = cart_of(record)
            lines = [line for line in fact.lines if line.quantity > before.get(line.sku, 0)]
            found += [(at, mark, n, CART, line.sku, line.category, line.brand) for n, line in enumerate(lines)]
        elif (key := digest(fact.order_id)) not in orders:
            orders.add(key)
            lines = list({line.sku: line for line in reversed(fact.lines)}.values())[::-1]
            found += [(at, mark, n, PURCHASE, line.sku, line.category, line.brand) for n, line in enumerate(lines)]
    return found


def _example(positive: Positive, session: int, position: int, seen: Features) -> Example:
    at, mark, part, kind, sku, category, brand = positive
    return Example(at, mark, part, kind, WEIGHTS[kind], sku, category, brand, session, position, seen)


POSITIVE = frozenset({Customer.ProductViewed, Customer.AddedToCart, Customer.CartReplaced, Customer.OrderPlaced})
