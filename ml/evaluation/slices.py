"""Parts of a test that are harder than the rest: items and persons of whom little is known."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.ranking import Ranked
from ml.ranker import Lessons

#: An item that training has at most so often is cold; a person of whom at most so many items are known is.
COLD_ITEM = 5
COLD_PERSON = 3


def slices(ranked: Ranked, lessons: Lessons) -> Mapping[str, NDArray[np.bool_]]:
    """(Q,) which queries are in each part. A query is of a cold item when its first target is one, or is unknown."""
    counts = np.append(np.bincount(lessons.sequences.items, minlength=lessons.items), 0)
    targets = ranked.queries.targets
    first = targets.items[np.minimum(targets.indptr[:-1], max(len(targets.items) - 1, 0))]
    cold_item = counts[first] <= COLD_ITEM
    lengths = ranked.queries.history.lengths
    return {
        "all": np.ones(len(lengths), bool),
        "cold items": cold_item,
        "other items": ~cold_item,
        "cold persons": lengths <= COLD_PERSON,
        "other persons": lengths > COLD_PERSON,
    }
