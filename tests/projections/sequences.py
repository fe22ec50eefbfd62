"""Random lives of a few streams, and what every read model makes of them, versions and positions aside."""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind, person_id
from domain.values import LawfulBasis, Line, Purpose
from projections import rescue
from projections.bulk import bring_together, fold_streams
from projections.examples import Rules, examples
from projections.gathering import gathered, linked
from projections.history import FromLog
from projections.knowledge import AsKnown
from projections.permission import Permission, words
from queries.circle import Circle
from queries.moment import Moment
from readmodels.customer import CustomerRecord, combine, decode
from tests.projections.memory import MemoryCustomerStore, MemoryLog, projected

K = IdentifierKind
#: view, order, consent; link and unlink by identifiers; by scores; by an officer: confirm, keep apart, lift.
ACTS = "vvvoc" + "lllu" + "ppq" + "sax"
KINDS = st.lists(st.sampled_from(list(K)), min_size=2, max_size=6)
LIVES = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5), st.integers(0, 5)), max_size=14)
MERGES = st.lists(st.tuples(st.sampled_from("lps"), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=3)
BACK = {"l": "u", "p": "q", "s": "u"}
Acts = Sequence[tuple[str, int, int]]


class Life(MemoryLog):
    """A log of such acts."""

    def act(self, act: str, one: int, other: int) -> None:
        one, other = one % len(self.customers), other % len(self.customers)
        if act == "v":
            self.view(one)
        elif act == "o":
            self._order(one)
        elif act == "c":
            consent = Customer.ConsentGiven if other % 2 else Customer.ConsentWithdrawn
            self._record(
                one,
                Customer.record,
                consent,
                purpose=Purpose.TRAINING,
                basis=LawfulBasis.CONSENT,
                policy_version="1",
            )
        elif one != other:
            for here, there in ((one, other), (other, one)):
                self._tie(act, here, self.customers[there])

    def tied(self, one: int, other: int) -> bool:
        """Whether either stream says anything of the other now."""
        a, b = self.customers[one % len(self.customers)], self.customers[other % len(self.customers)]
        return a is b or b.id in (a.linked | a.likely | a.apart.keys())

    def _order(self, who: int) -> None:
        fields = {"total_cents": 1900, "currency": "EUR", "lines": (Line(sku="S1", price_cents=1900),)}
        self._record(who, Customer.place_order, f"o{self._sources % 3}", **fields)

    def _tie(self, act: str, here: int, there: Customer) -> None:
        told: dict[str, tuple[Any, dict[str, Any]]] = {
            "l": (Customer.link, {"other_kind": there.kind, "evidence": "Identify"}),
            "u": (Customer.unlink, {"reason": "wrong"}),
            "p": (Customer.link_probably, {"other_kind": there.kind, "weight": 12.5, "model": "m", "compared": ()}),
            "q": (Customer.unlink_probably, {"model": "m", "reason": "no more"}),
            "s": (Customer.confirm_same, {"other_kind": there.kind, "officer": "ann", "reason": "yes"}),
            "a": (Customer.keep_apart, {"officer": "ann", "reason": "no"}),
            "x": (Customer.end_apart, {"officer": "ann", "reason": "after all"}),
        }
        ask, fields = told[act]
        self._record(here, ask, there.id, **fields)

    def copy(self) -> "Life":
        other = Life([customer.kind for customer in self.customers])
        other.recorded, other._sources = list(self.recorded), self._sources
        for place, customer in enumerate(self.customers):
            again: Any = None
            for _, events in self.streams([customer.id]):
                for event in events:
                    again = event.mutate(again)  # type: ignore[attr-defined]
            other.customers[place] = again
        return other


def lived(kinds: Sequence[K], acts: Acts) -> Life:
    """The log of a life."""
    life = Life(kinds)
    for each in acts:
        life.act(*each)
    return life


def read_models(life: Life, chance: Random) -> dict[str, Any]:
    """All that is folded of whom; no versions in it."""
    store = projected(life, chance.randint(1, 6), chance.choice((1, 100)))
    return {
        "hashes": _persons(store, life.ids),
        "bulk": _persons(_bulk(life), life.ids),
        "rescued": {s: _plain(rescue.person(FromLog(life), s).values()) for s in life.ids},
        "gathered": _gathered(life),
        "as known": _known(life),
        "circle": {stream: _circle(life, stream) for stream in life.ids},
        "examples": _examples(life),
    }


def _persons(store: MemoryCustomerStore, ids: Sequence[UUID]) -> dict[UUID, Any]:
    found = store.members(ids)
    assert all(home == person_id(fields) for home, fields in found.values())
    return {s: (home, sorted(fields), _plain(map(decode, fields.values()))) for s, (home, fields) in found.items()}


def _plain(records: Any) -> CustomerRecord:
    return msgspec.structs.replace(combine(records), version=0)


def _bulk(life: Life) -> MemoryCustomerStore:
    store = MemoryCustomerStore()
    streams = [
        (stream, [(event.originator_version, type(event), event) for event in events])
        for stream, events in life.streams(life.ids)
    ]
    bring_together(store, fold_streams(streams, store=store, statistics=False).linked)
    return store


def _gathered(life: Life) -> list[frozenset[UUID]]:
    told = [each for stream, events in life.streams(life.ids) if (each := linked(stream, events))]
    return [group for group in gathered(told) if len(group) > 1]


def _known(life: Life) -> dict[UUID, CustomerRecord]:
    streams = dict(life.streams(life.ids))
    known = AsKnown(Permission(words(streams.values()), (), assumed=True))
    for recorded in life.recorded:
        event: Any = recorded.event
        known.enter(0, event.originator_id, event)
    return {stream: known.record(stream) for stream in life.ids}


def _circle(life: Life, stream: UUID) -> frozenset[UUID]:
    circle = Circle(stream, Moment(None, None))
    missing = {stream}
    while missing:
        circle.add(missing, life.streams(sorted(missing)))
        missing = circle.missing()
    return circle.person()


def _examples(life: Life) -> dict[frozenset[UUID], Any]:
    streams = dict[UUID, list[Event]](life.streams(life.ids))
    persons = {_circle(life, stream) for stream in life.ids}
    return {members: examples({s: streams[s] for s in members}, Rules()) for members in persons}


def taken_back(kinds: Sequence[K], acts: Acts, merges: Acts, seed: int) -> int:
    """unmerge(merge(x)) = x; how many merges there were."""
    life = lived(kinds, acts)
    before, count, after = read_models(life, Random(seed)), 0, life.copy()
    undo = []
    for act, one, other in merges:
        if not after.tied(one, other):
            after.act(act, one, other)
            undo.append((BACK[act], one, other))
            count += 1
    if count:
        read_models(after, Random(seed + 1))
    Random(seed).shuffle(undo)
    for each in undo:
        after.act(*each)
    found = read_models(after, Random(seed + 2))
    assert found == before
    return count


def any_order(kinds: Sequence[K], acts: Acts, seed: int) -> None:
    """Ties of different pairs in another order give the same persons."""
    chance = Random(seed)
    size = len(kinds)
    plain = [each for each in acts if each[0] in "voc"]
    ties = [each for each in acts if each[0] not in "voc"]
    queues: dict[frozenset[int], list[tuple[str, int, int]]] = {}
    for each in ties:
        queues.setdefault(frozenset((each[1] % size, each[2] % size)), []).append(each)
    shuffled: list[tuple[str, int, int]] = []
    while queues:
        key = chance.choice(sorted(queues, key=sorted))
        shuffled.append(queues[key].pop(0))
        if not queues[key]:
            del queues[key]
    one, other = lived(kinds, [*plain, *ties]), lived(kinds, [*plain, *shuffled])
    ours, theirs = read_models(one, chance), read_models(other, chance)
    assert ours == theirs
