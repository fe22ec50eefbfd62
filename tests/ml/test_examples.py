"""Examples as arrays: the same whatever they were put together from; time is the only splitter."""

import random
from typing import Any

import numpy as np
import pytest

from ml.examples import Examples, assemble, named, restored, split_by_time
from ml.packing import Packed, packed
from projections.examples import Rules, examples
from projections.moment import millis
from readmodels.features import NAMES
from tests.projections.people import Stream, at, person


def some(seed: int, people: int = 12) -> list[Any]:
    """People's examples; some of them did the same in the same millisecond."""
    chance, found = random.Random(seed), []
    for number in range(people):
        stream = Stream.opened()
        for _ in range(chance.randint(1, 9)):
            minute, sku = chance.randint(0, 90), chance.choice("ABCDE")
            source = f"{number % 5} {minute}"
            stream.view(minute, sku, category=chance.choice("XY"), brand="b", source=source)
        found.append(examples(person(stream), Rules()))
    return found


def parts(found: list[Any], chance: random.Random) -> list[Packed]:
    """The people in another order, cut anywhere."""
    mixed = chance.sample(found, len(found))
    ends = sorted(chance.sample(range(len(mixed)), 3))
    return [packed(mixed[a:b]) for a, b in zip([0, *ends], [*ends, None], strict=True)]


@pytest.mark.parametrize("seed", range(6))
def test_the_bytes_do_not_depend_on_parts_or_their_order(seed: int) -> None:
    found, chance = some(seed), random.Random(seed)
    whole, names = assemble([packed(found)], NAMES)
    for _ in range(3):
        cut = parts(found, chance)
        again, same = assemble(cut, NAMES)
        assert again.digest() == whole.digest()
        assert same == names
        assert named(cut) == named([packed(found)])
    assert len(whole) == sum(map(len, found))


def test_another_set_has_another_digest() -> None:
    made = [assemble([packed(some(seed))], NAMES)[0].digest() for seed in range(5)]
    assert len(set(made)) == 5


def test_rows_say_what_the_folds_said() -> None:
    stream = Stream.opened()
    stream.view(0, "B", category="Skirts", brand="Acme")
    stream.cart(1, "A")
    stream.view(50, "B")
    made, names = assemble([packed([examples(person(stream), Rules())])], NAMES, ["Z"])
    assert names.skus == ("A", "B", "Z")
    assert names.categories == ("Skirts",)
    assert made.target.tolist() == [1, 0, 1]
    assert made.kind.tolist() == [0, 1, 0]
    assert made.weight.tolist() == [1, 3, 1]
    assert made.session.tolist() == [0, 0, 1]
    assert made.position.tolist() == [0, 1, 0]
    assert made.at.tolist() == [millis(at(minute)) for minute in (0, 1, 50)]
    assert [h.tolist() for h in made.history] == [[], [1], [1, 0]]
    assert made.history_at.tolist() == [millis(at(m)) for m in (0, 0, 1)]
    assert made.history_kind.tolist() == [0, 0, 1]
    assert [c.tolist() for c in made.categories] == [[], [0], [0]]
    assert made.affinity.tolist() == [1, 1]
    assert made.features.shape == (3, len(NAMES))
    assert named([packed([examples(person(stream), Rules())])]) == {
        "B": (made.at[0], pytest.approx(0, abs=2**32), "Skirts", "Acme")
    }


def test_persons_and_sessions_are_numbered_as_they_appear() -> None:
    made, _ = assemble([packed(some(3))], NAMES)
    for numbers in (made.person, made.session):
        first = np.unique(numbers, return_index=True)[1]
        assert (np.diff(first) > 0).all()
    assert (np.diff(made.at) >= 0).all()


@pytest.mark.parametrize("minute", [0, 30, 45.5, 91])
def test_time_is_the_only_splitter(minute: float) -> None:
    made, _ = assemble([packed(some(4))], NAMES)
    cut = millis(at(minute))
    earlier, later = split_by_time(made, cut)
    assert len(earlier) + len(later) == len(made)
    assert (earlier.at < cut).all() and (later.at >= cut).all()
    assert (earlier.history_at < cut).all()
    assert [h.tolist() for h in (*earlier.history, *later.history)] == [h.tolist() for h in made.history]
    assert np.array_equal(np.concatenate([earlier.features, later.features]), made.features)


def test_nothing_makes_an_empty_set() -> None:
    made, names = assemble([packed([])], NAMES)
    assert (len(made), names.skus, made.features.shape) == (0, (), (0, len(NAMES)))
    assert all(len(part) == 0 for part in split_by_time(made, 5))


def test_arrays_come_back_as_they_were() -> None:
    made, _ = assemble([packed(some(5))], NAMES)
    back: Examples = restored(made.arrays())
    assert back.digest() == made.digest()
    assert [h.tolist() for h in back.history] == [h.tolist() for h in made.history]
