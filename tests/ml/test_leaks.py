"""The leak detector catches planted features that know the future, and lets the honest ones pass."""

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from app.training.leak_check import columns, table
from ml.examples import Examples, FutureError, assemble, check_order, split_by_time
from ml.leaks import Leak, Table, changed_by_future, late_history, too_good
from ml.packing import packed
from projections.customer import fold_some
from projections.examples import Rules, examples
from projections.futures import People, futures
from projections.moment import digest, millis
from readmodels.features import NAMES, Example, features
from tests.projections.people import Stream, person

ITEMS = [f"S{n}" for n in range(30)]
Plant = Callable[[People], Table]


@pytest.fixture(scope="module")
def people() -> People:
    """40 people who look and buy at random, some things more often than others, sometimes again."""
    chance, found = random.Random(7), list[dict[UUID, Any]]()
    for number in range(40):
        stream, minute, sku = Stream.opened(), chance.random() * 5_000, ""
        for _ in range(chance.randint(5, 25)):
            minute += chance.expovariate(0.1)
            again = sku and chance.random() < 0.2
            sku = sku if again else ITEMS[min(29, int(chance.expovariate(0.2)))]
            source = f"{number} {len(stream.events)}"
            if chance.random() < 0.8:
                stream.view(minute, sku, category=f"C{sku}", price_cents=100, source=source)
            else:
                stream.order(minute, sku, order_id=source, source=source)
        found.append(person(stream))
    return found


def cuts(found: Table) -> list[int]:
    return sorted(set(np.quantile(found.at, np.linspace(0, 1, 9), method="nearest").tolist()))


def leaks(plant: Plant, people: People) -> list[Leak]:
    return changed_by_future(plant, people, futures, cuts(plant(people)))


def honest(people: People) -> Table:
    return table(Rules(), people)


def with_column(people: People, name: str, column: Callable[[People, list[tuple[int, Example]]], list[Any]]) -> Table:
    """The honest table and one column more."""
    found = honest(people)
    rows = [(number, each) for number, streams in enumerate(people) for each in examples(streams, Rules())]
    return Table(found.keys, found.at, {**found.columns, name: np.array(column(people, rows))})


def whole_life(people: People) -> Table:
    """How many interactions a person ever has: from the whole history, and not from that before the example."""
    return with_column(people, "planted", lambda _, rows: _each(rows, Counter(number for number, _ in rows)))


def _each(rows: list[tuple[int, Example]], count: Counter[int]) -> list[int]:
    return [count[number] for number, _ in rows]


def popularity_of_the_target(people: People) -> Table:
    """How often the target is touched in the whole period."""

    def column(_: People, rows: list[tuple[int, Example]]) -> list[int]:
        count = Counter(each.sku for _, each in rows)
        return [count[each.sku] for _, each in rows]

    return with_column(people, "planted", column)


def record_after(people: People) -> Table:
    """Features of the record after the event, off by one."""

    def column(people: People, rows: list[tuple[int, Example]]) -> list[Any]:
        found = []
        for number, each in rows:
            events = [e for own in people[number].values() for e in own]
            past = fold_some(e for e in events if millis(e.occurred_at) <= each.at)  # type: ignore[attr-defined]
            acts = features(past, each.at).acts
            found.append(digest(repr(acts)))
        return found

    return with_column(people, "planted", column)


def popularity_until_then(people: People) -> Table:
    """What was popular before each example: honest, though it is of all people."""

    def column(_: People, rows: list[tuple[int, Example]]) -> list[int]:
        times = sorted(each.at for _, each in rows)
        return [bisect_left(times, each.at) for _, each in rows]

    return with_column(people, "honest", column)


@pytest.mark.parametrize("plant", [whole_life, popularity_of_the_target, record_after])
def test_a_planted_feature_is_caught_by_other_futures(plant: Plant, people: People) -> None:
    found = leaks(plant, people)
    assert [leak.column for leak in found] == ["planted"]
    assert found[0].extent > 0


@pytest.mark.parametrize("plant", [honest, popularity_until_then])
def test_honest_features_pass(plant: Plant, people: People) -> None:
    assert len(plant(people).keys) > 400
    assert leaks(plant, people) == []


def test_rows_that_depend_on_the_future_are_a_leak(people: People) -> None:
    """Only people who buy in the end: a selection by the future."""

    def buyers(people: People) -> Table:
        kept = [streams for streams in people if any("sku" not in type(e).model_fields for e in _last(streams))]
        return table(Rules(), [s if s in kept else {} for s in people])

    def _last(streams: Any) -> list[Any]:
        return [events[-1] for events in streams.values()]

    assert "rows" in [leak.column for leak in leaks(buyers, people)]


def packed_set(people: People) -> Examples:
    return assemble([packed(examples(streams, Rules()) for streams in people)], NAMES)[0]


def planted_columns(people: People, plant: Plant) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]:
    """The plant's columns that are one number a row, with targets and persons."""
    found = plant(people)
    rows = [(number, each) for number, streams in enumerate(people) for each in examples(streams, Rules())]
    codes = {sku: code for code, sku in enumerate(sorted({each.sku for _, each in rows}))}
    target, owner = np.array([codes[each.sku] for _, each in rows]), np.array([number for number, _ in rows])
    return {name: values for name, values in found.columns.items() if values.ndim == 1}, target, owner


def test_a_column_that_names_the_target_is_too_good_to_be_true(people: People) -> None:
    found = too_good(*planted_columns(people, popularity_of_the_target))
    assert [leak.column for leak in found] == ["planted"]


def test_the_record_after_the_event_is_too_good_to_be_true(people: People) -> None:
    made = packed_set(people)
    off_by_one = columns(made) | {"latest": made.target}
    assert [leak.column for leak in too_good(off_by_one, made.target, made.person)] == ["latest"]


def test_honest_columns_are_not_too_good(people: People) -> None:
    made = packed_set(people)
    assert too_good(columns(made), made.target, made.person) == []
    assert too_good(*planted_columns(people, honest)) == []


def test_histories_of_the_future_are_found_and_refused(people: People) -> None:
    made = packed_set(people)
    assert late_history(made) == []
    late = made.history_at.copy()
    late[-3:] += 10**12
    wrong = type(made)(**{name: getattr(made, name) for name in made.__slots__} | {"history_at": late})
    assert late_history(wrong) == [Leak("history", "is not earlier than the example", 3)]
    with pytest.raises(FutureError, match="3 entries"):
        split_by_time(wrong, int(made.at[10]))
    with pytest.raises(FutureError, match="order"):
        check_order(made.take(slice(None, None, -1)))
