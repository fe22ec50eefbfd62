"""A made-up shop in which attributes alone say what goes with what."""

import numpy as np

from ml.ranker import Lessons
from ml.sequences import Attributes, Field, Sequences

ITEMS, KINDS, COLOURS = 240, 8, 3


def lessons(seed: int = 0, sessions: int = 900) -> Lessons:
    """A session stays within one kind of eight and one colour of three, but for one item in ten."""
    random = np.random.default_rng(seed)
    kinds, colours = random.integers(KINDS, size=ITEMS), random.integers(COLOURS, size=ITEMS)
    lists = []
    for _ in range(sessions):
        alike = np.flatnonzero((kinds == random.integers(KINDS)) & (colours == random.integers(COLOURS)))
        walk = random.choice(alike, size=int(random.integers(2, 7))).tolist() if len(alike) else [0, 1]
        if random.random() < 0.5:
            walk[-1] = int(random.integers(ITEMS))
        lists.append(walk)
    return Lessons(Sequences.of(lists), ITEMS, attributes(kinds, colours, random), "none")


def attributes(kinds: np.ndarray, colours: np.ndarray, random: np.random.Generator) -> Attributes:
    """Kind and colour, and words of which one tells the kind; one item in ten lacks its colour."""
    words = [sorted({int(kind), *random.integers(KINDS, 40, size=3).tolist()}) for kind in kinds]
    fields = {
        "category": Field.of([[int(kind)] for kind in kinds], KINDS + 1),
        "colour": Field.of([[int(colour)] if random.random() > 0.1 else [] for colour in colours], COLOURS),
        "text": Field.of(words, 40),
    }
    return Attributes(len(kinds), fields)
