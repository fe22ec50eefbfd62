"""Replays: decisions made again from the log and what is kept, and compared with their receipts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import numpy as np
from msgspec.structs import replace

from app.replay.errors import ErasedError, UnknownGenerationError
from app.replay.remaking import Remaker
from app.wiring import Wiring
from domain.erased import Erased
from domain.event import Event
from projections.customer import apply
from projections.history import Sharded
from queries.decisions import Gone
from queries.recommend.decide import EVERYTHING, Without
from queries.recommend.decision import Decision
from queries.recommend.numerics import NUMERICS
from queries.recommend.trace import Trace
from readmodels.customer import CustomerRecord, combine

#: Decisions whose persons are read together.
BATCH = 200
NEAR = 1e-5
Left = tuple[UUID, int]


class Verdict(StrEnum):
    """Equal bytes; equal order and scores within 1e-5, under other numerics; different; its person was erased; made of
    what is no longer kept."""

    EQUAL = "equal"
    NEAR = "near"
    DIFFERS = "differs"
    ERASED = "erased"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Again:
    """A decision and what came of making it again: ``made`` is None where it could not be. ``missing``: what for."""

    decision: Decision
    made: Decision | None
    verdict: Verdict
    missing: str = ""


class Replayer:
    """One process, one thread. Needs no Redis."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring, self._remaker = wiring, Remaker(wiring)

    def replay(self, decisions: Sequence[Decision]) -> Iterator[Again]:
        """In the order in which the catalogue was, so that it is folded once; persons are read some together."""
        ordered = sorted(decisions, key=lambda d: (d.generations.catalogue, d.at_ms))
        for begin in range(0, len(ordered), BATCH):
            some = ordered[begin : begin + BATCH]
            streams = self._streams(some)
            for decision in some:
                yield self._again(decision, streams)

    def made(
        self,
        decision: Decision,
        *,
        without: Without = EVERYTHING,
        without_event: Left | None = None,
        without_arm: str | None = None,
        trace: Trace | None = None,
    ) -> Decision:
        """The decision as it would have been without a rule, a model, an event (its stream and version) or an arm.
        Raises UnknownGenerationError, ErasedError."""
        record = record_of(decision, self._streams([decision]), without_event)
        if record is None:
            raise ErasedError
        arms = {key: variant for key, variant in decision.arms.items() if key != without_arm}
        return self._remaker.again(decision, record, arms=arms, without=without, trace=trace)

    def row_of(self, decision: Decision, sku: str) -> int | None:
        """The row of a SKU in the assortment that the decision was made of."""
        return self._remaker.serving(decision.generations).assortment.index.get(sku)

    def _again(self, decision: Decision, streams: dict[UUID, list[Event]]) -> Again:
        record = record_of(decision, streams)
        if record is None:
            return Again(decision, None, Verdict.ERASED)
        try:
            made = self._remaker.again(decision, record)
        except UnknownGenerationError as error:
            return Again(decision, None, Verdict.UNKNOWN, error.part)
        return Again(decision, made, compared(decision, made))

    def _streams(self, decisions: Sequence[Decision]) -> dict[UUID, list[Event]]:
        wanted = list(dict.fromkeys(stream for d in decisions for stream, _ in d.streams))
        return {stream: list(events) for stream, events in Sharded(self._wiring.customers).streams(wanted)}


def record_of(
    decision: Decision, streams: dict[UUID, list[Event]], without: Left | None = None
) -> CustomerRecord | None:
    """The person's record as the receipt's versions say, one event left out if wanted; None where it was erased."""
    records = []
    for stream, version in decision.streams:
        events = streams.get(stream, [])[:version]
        if len(events) < version or any(isinstance(event, Erased) for event in events):
            return None
        records.append(_folded(events, without[1] if without and without[0] == stream else None))
    return combine(records) if records else CustomerRecord()


def _folded(events: Sequence[Event], left_out: int | None) -> CustomerRecord:
    record = CustomerRecord()
    for event in events:
        left = event.originator_version == left_out
        record = _skipped(record) if left else apply(record, event)
    return record


def _skipped(record: CustomerRecord) -> CustomerRecord:
    return replace(record, version=record.version + 1)


def compared(receipt: Decision, made: Decision) -> Verdict:
    """By items, the bytes of scores and propensities, and the digest of all candidates."""
    made = _as_told(receipt, made)
    if made == receipt:
        return Verdict.EQUAL
    if receipt.numerics == NUMERICS or [i.sku for i in receipt.items] != [i.sku for i in made.items]:
        return Verdict.DIFFERS
    scores, others = (np.frombuffer(b"".join(i.score for i in d.items), "<f4") for d in (receipt, made))
    return Verdict.NEAR if np.allclose(scores, others, rtol=NEAR, atol=NEAR) else Verdict.DIFFERS


def _as_told(receipt: Decision, made: Decision) -> Decision:
    """Receipts of before it was told say nothing of how many the bandit chose among."""
    if any(item.among for item in receipt.items):
        return made
    return replace(made, items=tuple(replace(item, among=0) for item in made.items))


def present(found: Sequence[Decision | Gone]) -> list[Decision]:
    """Those that can be read."""
    return [decision for decision in found if not isinstance(decision, Gone)]
