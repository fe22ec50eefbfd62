"""Examples → sessions to learn from, all of them or those since a moment."""

from dataclasses import replace

import numpy as np
import pytest

from ml.examples import Examples
from ml.lessons import TooLittleError, since, task_of
from ml.renamed import Renamed, places
from ml.sequences import Attributes, Floats, Sequences

NONE = Attributes(6, {})
NAMES = ("a", "b", "c", "d", "e", "f")


def examples(sessions: list[tuple[int, list[int]]]) -> Examples:
    """Sessions as when each began and what was in it, an example a millisecond."""
    rows = sorted((at + n, s, item, n) for s, (at, items) in enumerate(sessions) for n, item in enumerate(items))
    count = len(rows)
    at, session, target, position = (np.array(column) for column in zip(*rows, strict=True))
    empty = Sequences(np.zeros(count + 1, np.int64), np.zeros(0, np.int32))
    return Examples(
        at, target.astype(np.int32), np.zeros(count, np.uint8), np.ones(count, np.float32), session, session, position,
        empty, np.zeros(0, np.int64), np.zeros(0, np.uint8), empty, np.zeros(0, np.float32),
        np.zeros((count, 0), np.float32),
    )  # fmt: skip


SESSIONS = [(0, [0, 1]), (10, [1]), (20, [2, 3, 2]), (100, [3, 4]), (110, [4, 5]), (120, [0, 5])]


def test_what_is_new_are_sessions_in_which_something_came_since() -> None:
    found = since(examples(SESSIONS), NAMES, NONE, 21)
    assert [each.tolist() for each in found.lessons.sequences] == [[0, 1], [2, 3, 2], [3, 4], [4, 5], [0, 5]]
    assert [each.tolist() for each in found.new.sequences] == [[2, 3, 2], [3, 4], [4, 5], [0, 5]]
    assert [each.tolist() for each in found.earlier.sequences] == [[0, 1], [2, 3, 2], [3, 4], [4, 5]]
    assert [each.tolist() for each in found.new_earlier.sequences] == [[2, 3, 2], [3, 4], [4, 5]]
    assert found.later.history.items.tolist() == [0] and found.later.targets.items.tolist() == [5]
    assert found.lessons.items == 6
    whole = task_of(examples(SESSIONS), NAMES, NONE)
    assert whole.lessons.sequences.items.tolist() == found.lessons.sequences.items.tolist()


def test_too_little_is_said() -> None:
    with pytest.raises(TooLittleError, match="no two new sessions"):
        since(examples(SESSIONS), NAMES, NONE, 111)
    with pytest.raises(TooLittleError, match="went on to another"):
        since(examples([*SESSIONS, (130, [1, 1])]), NAMES, NONE, 111)


class Told:
    """Scores an item by the number of times it is in the history, and 0.5 for the others."""

    def scores(self, history: Sequences) -> Floats:
        return np.stack([np.bincount(each, minlength=3) + 0.5 for each in history]).astype(np.float32)


def test_a_model_with_other_rows_is_asked_by_ours() -> None:
    known = places(("new", "z", "x"), ("x", "y", "z"))
    assert known.tolist() == [-1, 2, 0]
    found = Renamed(Told(), known).scores(Sequences.of([[1, 0, 1, 2], [0], []]))
    assert found.tolist() == [[-np.inf, 2.5, 1.5], [-np.inf, 0.5, 0.5], [-np.inf, 0.5, 0.5]]


def test_examples_of_the_world_are_in_order() -> None:
    world = examples(SESSIONS)
    assert (np.diff(world.at) > 0).all() and len(replace(world)) == 12
