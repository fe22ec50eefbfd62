"""How well items without a history are found: a tenth of the items is removed from all sequences, the content model
learns from the rest, and where one of the removed came last in a sequence, it is looked for among the removed.

An item's category is the one of its attributes that most items have. Against it stand 20 removed items drawn at random

- from all (``random``),
- from the category of the person's latest item (``random_within_category``), as a shop might do,
- from the category of the item that came (``random_told_category``), which nobody knows beforehand. The fair comparison
  with that one is ``recall_at_20_told_category``, where the model too is told it, and ranks only that category.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from adapters.datasets.attributes import attributes as read_attributes
from adapters.datasets.sequences import sequences as read_sequences
from app.cli.output import bar, errors
from benchmarks.where import where
from ml.baselines import itemknn
from ml.content.cold import Asked, Cold, recall_at_20, remove
from ml.content.rivals import latest, most_general, overlap, random_of, ridge
from ml.content.train import learn
from ml.evaluation.task import from_sequences
from ml.ranker import Lessons
from ml.sequences import Attributes, Floats, Sequences

DATA = Path(__file__).parents[2] / "shared" / "data" / "amazon_seq"
REMOVED = 0.1


def lessons_of(sequences: Path, attributes: Path) -> Lessons:
    """All sequences, whole, and what is known of their items."""
    persons = [(person.name, [*person.items, "asked"]) for person in read_sequences(sequences)]
    return from_sequences(persons, attributes=read_attributes(attributes)).lessons


def measured(lessons: Lessons, seed: int, progress: Callable[[float], None]) -> dict[str, dict[str, float]]:
    """Name of a way to rank → its figures. Raises ValueError where no item has attributes."""
    assert lessons.attributes is not None
    cold = remove(lessons.sequences, lessons.items, seed, REMOVED)
    began = time.process_time()
    fewer = Lessons(cold.lessons, lessons.items, lessons.attributes, lessons.hidden)
    content, epochs = learn(fewer, seed, lambda words, part: progress(part))
    seconds = time.process_time() - began

    def vectors(asked: Asked) -> Floats:
        return np.asarray(content.users(asked.history) @ content.items[cold.removed].T, np.float32)

    return {
        "content": figures(vectors, lessons.attributes, cold) | {"epochs": epochs, "train_s": round(seconds, 1)},
        "ridge": figures(lambda asked: ridge(lessons.attributes, cold, asked), lessons.attributes, cold),
        "overlap": figures(lambda asked: overlap(lessons.attributes, cold, asked), lessons.attributes, cold),
        "itemknn, not cold": figures(lambda asked: warm(lessons, cold, asked), lessons.attributes, cold),
        "chance": chance(lessons.attributes, cold),
    }
