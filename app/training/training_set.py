"""The training set: a fold over the logs of all shards, up to a position of each.

First all streams are folded by slices, each on its own; those that say they are one with others wait, and are then read
again, person by person. Only packed arrays are held. What comes out depends on what is recorded, and not on shards,
slices or workers.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from adapters.eventlog.scan import boundaries, streams_between
from app.projecting.bulk import SLICE_EVENTS, SMALL
from app.training.work import Done, Persons, Positions, Run, Slice, Work, engine
from app.wiring import Wiring
from domain.product import Product
from domain.sharding import shard_of
from ml.content.features import catalogue as attributes
from ml.examples import Examples, Names, assemble, named
from ml.naming import known_names
from ml.sequences import Attributes
from projections.catalogue import fold
from projections.examples import Rules
from projections.gathering import gathered
from projections.moment import millis
from readmodels.catalogue import ProductRecord
from readmodels.features import NAMES

#: How many streams of linked persons are read in one go.
TOGETHER = 500
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """``examples`` in the order of their time; ``names`` of their rows; ``known``: those of items as artefacts may
    name them; ``items``: attributes in the order of ``names.skus``; the ``rules`` and the ``positions`` that it was
    folded by."""

    examples: Examples
    names: Names
    known: tuple[str, ...]
    items: Attributes
    rules: Rules
    positions: Positions


def read(
    wiring: Wiring, rules: Rules, progress: Progress = lambda n: None, positions: Positions | None = None
) -> TrainingSet:
    """Folds all that is recorded by now, or up to earlier ``positions`` of the same shards. ``progress`` hears of
    events read; those of linked persons twice.

    Raises UnavailableError, also when the shards are moved meanwhile.
    """
    positions = positions or heads(wiring)
    with engine(wiring.settings, small=sum(positions.shards) < SMALL) as run:
        parts = [done.part for done in fold_all(wiring, run, rules, positions, progress)]
    records = catalogue(wiring, rules.until_ms, positions.catalogue)
    found, names = assemble(parts, NAMES, records)
    known = known_names(found, names.skus, records, wiring.settings.least_people)
    return TrainingSet(found, names, known, attributes(names.skus, records, named(parts)), rules, positions)


def fold_all(wiring: Wiring, run: Run, rules: Rules, positions: Positions, progress: Progress) -> Iterator[Done]:
    """Slices, then the persons of several streams. A stream that does not know that it is linked was folded alone:
    its slice is folded again without it."""
    sliced = list(_watched(run(Work(s, rules, positions) for s in _slices(wiring, positions)), progress))
    persons = gathered(each for done in sliced for each in done.linked)
    several = frozenset(stream for members in persons for stream in members)
    silent = several - {each.stream for done in sliced for each in done.linked}
    for done in sliced:
        again = _without(done.of, silent, len(positions.shards))
        yield from run([Work(again, rules, positions)]) if again else [done]
    batches = (Work(Persons(batch), rules, positions) for batch in _batches(persons))
    yield from _watched(run(batches), progress)


def _without(part: Slice | Persons, streams: frozenset[UUID], shards: int) -> Slice | None:
    """The slice without those of the streams that are in it; None where none is."""
    if isinstance(part, Persons):
        return None
    wrong = frozenset(s for s in streams if part.low <= s < part.high and shard_of(s, shards) == part.shard)
    return replace(part, others=wrong) if wrong else None


def _watched(done: Iterable[Done], progress: Progress) -> Iterator[Done]:
    for each in done:
        progress(each.events)
        yield each


def heads(wiring: Wiring) -> Positions:
    """The logs' positions now. Raises UnavailableError."""
    opened = wiring.shards.now
    return Positions(opened.layout.epoch, tuple(log.head() for log in opened.logs), wiring.catalogue.head())


def catalogue(wiring: Wiring, until_ms: int | None, position: int) -> dict[str, ProductRecord]:
    """SKU → what the catalogue said before a moment, for all that were listed by then. Raises UnavailableError."""
    log, found = wiring.catalogue, dict[str, ProductRecord]()
    for low, high in pairwise(boundaries(log, position, max(1, position // SLICE_EVENTS))):
        for _, events in streams_between(log, low, high, position):
            record = ProductRecord()
            for event in events:
                if isinstance(event, Product.Opened | Product.Listed | Product.PriceChanged) and (
                    until_ms is None or millis(event.occurred_at) < until_ms
                ):
                    record = fold(event, record)
            if record.listing is not None:
                found[record.sku] = record
    return found


def _slices(wiring: Wiring, positions: Positions) -> Iterator[Slice]:
    for shard, head in enumerate(positions.shards):
        for low, high in pairwise(boundaries(wiring.customers[shard], head, max(1, head // SLICE_EVENTS))):
            yield Slice(shard, low, high)


def _batches(persons: Iterable[frozenset[UUID]]) -> Iterator[tuple[frozenset[UUID], ...]]:
    batch: list[frozenset[UUID]] = []
    streams = 0
    for members in persons:
        batch.append(members)
        streams += len(members)
        if streams >= TOGETHER:
            yield tuple(batch)
            batch, streams = [], 0
    if batch:
        yield tuple(batch)
