"""From training examples of the log to what the models learn from: sessions of one person each, by time."""

import numpy as np

from ml.evaluation.task import LATER_PART, MOST_LATER, Task, next_items
from ml.examples import Examples
from ml.ranker import Lessons
from ml.sequences import Attributes, Sequences


class TooLittleError(ValueError):
    """There is not enough to learn from; the text says what is missing."""


def task_of(examples: Examples, names: tuple[str, ...], attributes: Attributes) -> Task:
    """Sessions in the order of their first example; the latest tenth chooses, and tells how good the models are.

    Raises TooLittleError.
    """
    order = np.lexsort((np.arange(len(examples)), examples.session))
    sessions = examples.session[order]
    starts = np.flatnonzero(np.diff(sessions, prepend=-1))
    lists = Sequences(np.append(starts, len(sessions)).astype(np.int64), examples.target[order])
    lists = lists.take(np.flatnonzero(lists.lengths > 1))
    cut = len(lists) - max(1, int(LATER_PART * len(lists)))
    if cut < 1:
        raise TooLittleError("there are no two sessions of two items or more")
    later = next_items(lists.take(slice(cut, None)), "latest", different=True).take(slice(-MOST_LATER, None))
    if not len(later):
        raise TooLittleError("in the latest sessions nobody went on to another item")
    return Task(
        names,
        Lessons(lists.take(slice(cut)), len(names), attributes, "latest"),
        later,
        Lessons(lists, len(names), attributes, "latest"),
        later,
    )
