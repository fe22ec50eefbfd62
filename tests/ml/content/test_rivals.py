"""The simpler ways, by hand."""

import numpy as np
import pytest

from ml.content.cold import Asked, Cold, recall_at_20, remove
from ml.content.rivals import latest, most_general, overlap, random_of, ridge
from ml.sequences import Attributes, Field, Sequences
from tests.ml.content.worlds import ITEMS, lessons

#: Item 0 has a rare and a common code, 1 the common one, 2 the rare one, 3 nothing.
FOUR = Attributes(4, {"attribute": Field.of([[0, 1], [0], [1], []], 2)})


def asked(history: list[int], target: int) -> Asked:
    return Asked(Sequences.of([history]), np.array([target], np.int32))


def cold(removed: list[int]) -> Cold:
    nothing = Asked(Sequences.of([]), np.zeros(0, np.int32))
    return Cold(np.array(removed, np.int32), Sequences.of([[0, 1]]), nothing, nothing)


def test_overlap_is_the_cosine_of_rarities_and_counts_the_latest_most() -> None:
    kinds = Attributes(4, {"attribute": Field.of([[0, 1], [0], [1], [0]], 2)})
    common, rare = np.log(4 / 3), np.log(4 / 2)
    towards_rare = rare / np.hypot(common, rare)
    found = overlap(kinds, cold([2, 3]), asked([1, 0], 2))[0]
    assert found[0] == pytest.approx(towards_rare, rel=1e-5)
    assert found[1] == pytest.approx(common / np.hypot(common, rare) + 1 / 2, rel=1e-5)
    assert np.all(overlap(FOUR, cold([3]), asked([0], 3)) == 0)


def test_the_most_general_code_is_the_category() -> None:
    field = Field.of([[3, 1], [1], [], [2, 3], [0, 2]], 5)
    assert most_general(field).tolist() == [1, 1, -1, 2, 2], "of codes as common, the lower one"


def test_what_chance_finds_within_a_category() -> None:
    category = np.repeat([0, 1], 50)
    removed = cold(list(range(5, 15)) + list(range(50, 90)))
    right = Asked(Sequences.of([[0], [95], [1, 96]]), np.array([5, 50, 6], np.int32))
    assert latest(right).tolist() == [0, 95, 96]
    assert random_of(category, removed, right, category[latest(right)]) == pytest.approx((1 + 20 / 40 + 0) / 3)
    assert random_of(category, removed, right, category[right.targets]) == pytest.approx((1 + 20 / 40 + 1) / 3)


@pytest.mark.parametrize("way", [ridge, overlap])
def test_what_attributes_tell_is_found(way) -> None:  # type: ignore[no-untyped-def]
    world = lessons()
    assert world.attributes
    without = remove(world.sequences, ITEMS, 0, 0.25)
    found = recall_at_20(way(world.attributes, without, without.asked), without)
    assert found > 1.5 * 20 / len(without.removed)
