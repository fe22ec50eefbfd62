"""From training examples of the log to what the models learn from: sessions of one person each, by time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.task import LATER_PART, MOST_LATER, Task, next_items
from ml.examples import Examples
from ml.ranker import Lessons
from ml.sequences import Attributes, Queries, Sequences


class TooLittleError(ValueError):
    """There is not enough to learn from; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Since:
    """What came since a moment. ``lessons``: all sessions there are, ``new``: those in which something came since.
    ``earlier``, ``new_earlier``: the same without the latest tenth of the new ones, which ``later`` asks for."""

    lessons: Lessons
    new: Lessons
    earlier: Lessons
    new_earlier: Lessons
    later: Queries


def task_of(examples: Examples, names: tuple[str, ...], attributes: Attributes) -> Task:
    """Sessions in the order of their first example; the latest tenth chooses, and tells how good the models are.

    Raises TooLittleError.
    """
    lists, _ = _sessions(examples)
    cut = len(lists) - max(1, int(LATER_PART * len(lists)))
    if cut < 1:
        raise TooLittleError("there are no two sessions of two items or more")
    later = _asked(lists.take(slice(cut, None)))
    if not len(later):
        raise TooLittleError("in the latest sessions nobody went on to another item")

    def of(some: Sequences) -> Lessons:
        return Lessons(some, len(names), attributes, "latest")

    return Task(names, of(lists.take(slice(cut))), later, of(lists), later)


def since(examples: Examples, names: tuple[str, ...], attributes: Attributes, after_ms: int) -> Since:
    """What came after a moment, in milliseconds since 1970. Raises TooLittleError."""
    lists, ends = _sessions(examples)
    new = np.flatnonzero(ends > after_ms)
    if len(new) < 2:
        raise TooLittleError("there are no two new sessions of two items or more")
    asked = new[len(new) - max(1, int(LATER_PART * len(new))) :]
    later = _asked(lists.take(asked))
    if not len(later):
        raise TooLittleError("in the latest sessions nobody went on to another item")

    def of(places: NDArray[np.int64]) -> Lessons:
        return Lessons(lists.take(places), len(names), attributes, "latest")

    every = np.arange(len(lists))
    return Since(of(every), of(new), of(np.setdiff1d(every, asked)), of(np.setdiff1d(new, asked)), later)


def _asked(sessions: Sequences) -> Queries:
    return next_items(sessions, "latest", different=True).take(slice(-MOST_LATER, None))


def _sessions(examples: Examples) -> tuple[Sequences, NDArray[np.int64]]:
    """Those of two items or more, and when each had its latest example."""
    order = np.lexsort((np.arange(len(examples)), examples.session))
    sessions = examples.session[order]
    starts = np.flatnonzero(np.diff(sessions, prepend=-1))
    bounds = np.append(starts, len(sessions)).astype(np.int64)
    lists = Sequences(bounds, examples.target[order])
    several = np.flatnonzero(lists.lengths > 1)
    return lists.take(several), examples.at[order][bounds[1:] - 1][several]
