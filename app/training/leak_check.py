"""The leak detector over a log: some persons' examples folded again in other futures, and all examples' columns."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, pairwise
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from adapters.eventlog.scan import boundaries, streams_between
from app.training.training_set import TrainingSet
from app.wiring import Wiring
from domain.event import Event
from ml.examples import Examples
from ml.leaks import Leak, Table, changed_by_future, late_history, too_good
from projections.examples import Rules, examples
from projections.futures import People, futures
from projections.history import Sharded
from projections.moment import digest
from queries.moment import Moment
from queries.travel import travel
from readmodels.features import NAMES, Example

#: At how many moments the future is changed; from how many slices of a shard persons are taken.
CUTS, SLICES = 12, 8
#: More than a record keeps.
ACTS = 128


def check(
    wiring: Wiring, found: TrainingSet, most: int, progress: Callable[[int], None] = lambda n: None
) -> list[Leak]:
    """What is wrong with a training set: nothing, if all is well. ``most``: how many persons are folded again.
    Raises UnavailableError."""
    leaks = late_history(found.examples) + too_good(
        columns(found.examples), found.examples.target, found.examples.person
    )
    leaks += _in_other_futures(found.rules, list(islice(sample(wiring, most), most)), progress)
    return _once(leaks)


def _in_other_futures(rules: Rules, people: People, progress: Callable[[int], None]) -> list[Leak]:
    """At some moments, from the first example to the last."""
    compute: Callable[[People], Table] = partial(table, rules)
    times, leaks = compute(people).at, list[Leak]()
    cuts = np.quantile(times, np.linspace(0, 1, CUTS), method="nearest").tolist() if len(times) else []
    for cut in sorted(set(cuts)):
        leaks += changed_by_future(compute, people, futures, [cut])
        progress(1)
    return leaks


def columns(examples: Examples) -> dict[str, NDArray[Any]]:
    """Each feature (E,), and the latest item and category of each history, -1 for none."""
    found = {name: examples.features[:, place] for place, name in enumerate(NAMES)}
    return found | {"latest": examples.history.padded(1)[:, 0], "category": examples.categories.padded(1)[:, 0]}


def table(rules: Rules, people: People) -> Table:
    """All that is known of each example, by what stays the same in any future."""
    rows = [(person, each) for person, streams in enumerate(people) for each in examples(streams, rules)]
    seen = [each.features for _, each in rows]
    values = np.array([each.values for each in seen], np.float64).reshape(-1, len(NAMES))
    acts = np.full((len(rows), ACTS), -1, np.int64)
    for row, each in enumerate(seen):
        acts[row, : len(each.acts)] = [digest(repr(act)) for act in each.acts][-ACTS:]
    categories = np.array([digest(repr(sorted(each.categories.items()))) for each in seen], np.int64)
    named = {name: values[:, place] for place, name in enumerate(NAMES)}
    at = np.array([each.at for _, each in rows], np.int64)
    return Table(list(_keys(rows)), at, named | {"history": acts, "categories": categories})


def sample(wiring: Wiring, most: int) -> Iterator[dict[UUID, list[Event]]]:
    """Some persons with their streams, from all shards and times at which streams began. Raises UnavailableError."""
    read = Sharded(wiring.customers).streams
    seen: set[UUID] = set()
    for log in tuple(wiring.customers):
        head = log.head()
        ends = list(pairwise(boundaries(log, head, SLICES)))
        each = max(1, most // (len(wiring.customers) * len(ends)))
        for low, high in ends:
            for stream, _ in islice(streams_between(log, low, high, head), each):
                past = travel(lambda streams, topics: read(streams), stream, Moment())
                if past is not None and not past.erased and seen.isdisjoint(past.streams):
                    seen |= past.streams.keys()
                    yield {member: list(events) for member, events in past.streams.items()}


def _keys(rows: Sequence[tuple[int, Example]]) -> Iterator[Hashable]:
    """Person, moment, source and part; a number where several have these in common."""
    times: Counter[Hashable] = Counter()
    for person, each in rows:
        key = (person, each.at, each.tag, each.part)
        yield (*key, times[key])
        times[key] += 1


def _once(leaks: Sequence[Leak]) -> list[Leak]:
    """One a column and way, the largest."""
    found: Mapping[tuple[str, str], Leak] = {(leak.column, leak.how): leak for leak in sorted(leaks, key=_extent)}
    return [found[key] for key in sorted(found)]


def _extent(leak: Leak) -> float:
    return leak.extent
