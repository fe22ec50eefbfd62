"""Recommendations as they are served: whom they are for, how much time there is, the decision, and its receipt."""

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import unpack
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from queries.answers import Item, Recommendations
from queries.ports import Person
from queries.recommend.ask import Ask, Wanted
from queries.recommend.assortment import Assortment
from queries.recommend.decide import Rung, decide
from queries.recommend.decision import Decision, Shown
from queries.recommend.encodings import Encodings
from queries.recommend.ladder import Ladder
from queries.recommend.placements import RECIPES
from queries.recommend.serving import Serving
from queries.recommend.subject import Subject
from queries.recommend.words import words
from queries.whom import FULL, Met

#: Earlier decisions that are kept for the rung "cached".
KEPT = 10_000


class Receipts(Protocol):
    """Where decisions go; which arms of experiments were used is recorded from there."""

    def keep(self, decision: Decision) -> bool:
        """It is safe on this machine when this returns True; no server is waited for."""


def new_id() -> UUID:
    """UUID version 7 (RFC 9562): milliseconds since 1970, then 74 random bits; ids of one time lie together."""
    random = int.from_bytes(os.urandom(10), "big")
    high = (time.time_ns() // 1_000_000) << 80
    return UUID(int=high | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1)


@dataclass(frozen=True, slots=True)
class Clock:
    """``new_id``: of decisions. ``now_ms``: milliseconds since 1970, the one look at a clock that a decision depends
    on. ``lap_s``: for deadlines alone."""

    new_id: Callable[[], UUID] = new_id
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    lap_s: Callable[[], float] = time.perf_counter


class Recommender:
    """To be used from one thread: scoring holds it for a millisecond, which is less than another thread would cost."""

    def __init__(self, receipts: Receipts, clock: Clock | None = None) -> None:
        self._receipts, self._clock = receipts, clock or Clock()
        self._ladder = Ladder()
        self.encodings = Encodings()
        self._earlier: dict[tuple[object, ...], Decision] = {}
        #: How many answers stood on which rung.
        self.served: Counter[str] = Counter()

    def lap_s(self) -> float:
        """For ``began_s``."""
        return self._clock.lap_s()

    def answer(self, wanted: Wanted, met: Met, *, began_s: float, language: str = "en") -> Recommendations:
        """``began_s``: when the request came; what is left of its deadline decides how much is done. Raises KeyError
        for a placement that there is none of."""
        ask = self._asked(wanted)
        if met.shop is None:
            return self._nothing(ask, met)
        serving, subject = met.shop.serving, subject_of(met.person)
        decision = self._decided(serving, ask, subject, met.degraded, wanted.deadline_ms / 1000, began_s)
        kept = self._receipts.keep(decision)
        served = decision.rung if met.rung == FULL else met.rung
        self.served[served] += 1
        answer = told(serving, decision, served, language)
        return answer if kept else replace(answer, degraded=(*answer.degraded, "receipts"))

    def _nothing(self, ask: Ask, met: Met) -> Recommendations:
        """The shop was never to be had: there is nothing to show and nothing to keep a receipt of."""
        person_id = met.person.person_id if met.person else None
        self.served[met.rung] += 1
        return Recommendations(
            ask.decision_id, ask.placement, (), person_id, met.record.version, met.rung, met.degraded
        )

    def _asked(self, wanted: Wanted) -> Ask:
        recipe = RECIPES[wanted.placement]
        return Ask(
            self._clock.new_id(),
            wanted.placement,
            self._clock.now_ms(),
            wanted.limit or recipe.limit,
            wanted.item,
            wanted.skus,
            wanted.category,
            wanted.store,
            wanted.device,
            wanted.channel,
            wanted.opted_out,
        )

    def _decided(
        self,
        serving: Serving,
        ask: Ask,
        subject: Subject,
        degraded: tuple[str, ...],
        deadline_s: float,
        began_s: float,
    ) -> Decision:
        key = (subject.person_id, ask.placement, ask.item, ask.category, ask.store, ask.limit, ask.skus, ask.opted_out)
        start = self._clock.lap_s()
        left_ms = (deadline_s - (start - began_s)) * 1000
        rung = self._ladder.rung(left_ms, cached=subject.person_id is not None and key in self._earlier)
        if rung is Rung.CACHED:
            return again(self._earlier[key], ask, degraded)
        decision = decide(serving, ask, subject, rung=rung, encodings=self.encodings, degraded=degraded)
        self._ladder.took(rung, (self._clock.lap_s() - start) * 1000)
        if rung is Rung.FULL and subject.person_id is not None:
            if len(self._earlier) >= KEPT:
                self._earlier.pop(next(iter(self._earlier)))
            self._earlier[key] = decision
        return decision


def subject_of(person: Person | None) -> Subject:
    """Streams in the order of their ids, so that a receipt is the same whoever read them."""
    if person is None:
        return Subject()
    streams = tuple(sorted((stream, record.version) for stream, record in person.streams.items()))
    return Subject(person.person_id, streams, person.record)


def again(earlier: Decision, ask: Ask, degraded: tuple[str, ...]) -> Decision:
    """An earlier decision as the answer to another request; its receipt names the one that it repeats."""
    return replace(
        earlier,
        decision_id=ask.decision_id,
        rung=Rung.CACHED.value,
        degraded=degraded,
        repeats=earlier.repeats or earlier.decision_id,
    )


def told(serving: Serving, decision: Decision, served: str, language: str) -> Recommendations:
    """A decision as it is answered, reasons in words."""
    shelf, experiments = serving.assortment, serving.experiments
    factor = round(experiments.changes(decision.arms).price, 6) if experiments else 1.0
    prices = _prices(shelf, [shown.sku for shown in decision.items], factor)
    scores = _floats(b"".join([shown.score for shown in decision.items]))
    items = [
        Item(shown.sku, round(score, 8), _why(shelf, shown, language), shown.source, *price)
        for shown, score, price in zip(decision.items, scores, prices, strict=True)
    ]
    return Recommendations(
        decision_id=decision.decision_id,
        placement=decision.placement,
        items=tuple(items),
        person_id=decision.person_id,
        version=sum(version for _, version in decision.streams),
        served=served,
        degraded=decision.degraded,
        price_factor=factor,
    )


def _why(shelf: Assortment, shown: Shown, language: str) -> str:
    """The reason in words."""
    row = shelf.index.code(shown.because)
    if row < 0:
        return words(shown.reason, None, None, language)
    return words(shown.reason, shelf.words[row].title, shelf.name("category", row), language)


def _prices(shelf: Assortment, skus: Sequence[str], factor: float) -> list[tuple[int | None, str | None]]:
    """In minor units, and of which currency; rounded to whole ones."""
    rows, names = [shelf.index.code(sku) for sku in skus], shelf.codes["currency"].names
    if not rows or not len(shelf.cents):
        return [(None, None)] * len(rows)
    cents_, codes = (column.take(rows, mode="clip").tolist() for column in (shelf.cents, shelf.currency))
    return [
        ((cents if factor == 1.0 else round(cents * factor)), names[code] if code >= 0 else None)
        if row >= 0 and cents >= 0
        else (None, None)
        for row, cents, code in zip(rows, cents_, codes, strict=True)
    ]


def _floats(packed: bytes) -> tuple[float, ...]:
    """Float32 numbers, little endian."""
    return unpack(f"<{len(packed) // 4}f", packed)


class Unkept:
    """Keeps no receipts: for trials."""

    def keep(self, decision: Decision) -> bool:
        """Forgets it."""
        return True
