"""Small made-up shops in which the next item can be known."""

import numpy as np

from ml.evaluation.task import Task, from_sessions
from ml.ranker import Lessons
from ml.sequences import Sequences


def rings(sessions: int, items: int, seed: int = 0, length: int = 6) -> list[list[str]]:
    """Sessions that walk around one of four rings of items, one step at a time; nine in ten steps are forward."""
    random = np.random.default_rng(seed)
    size = items // 4
    found = []
    for _ in range(sessions):
        ring, at = int(random.integers(4)), int(random.integers(size))
        walk = []
        for _ in range(int(random.integers(2, length + 1))):
            walk.append(f"i{ring * size + at}")
            at = (at + (1 if random.random() < 0.9 else int(random.integers(size)))) % size
        found.append(walk)
    return found


def ring_task(sessions: int = 800, items: int = 40, seed: int = 0) -> Task:
    """The last tenth is asked about."""
    walks = rings(sessions, items, seed)
    cut = sessions * 9 // 10
    asked = [(walk[:at], walk[at]) for walk in walks[cut:] for at in range(len(walk) - 1, 0, -1)]
    return from_sessions(walks[:cut], asked, {f"i{item}": [f"ring {item // (items // 4)}"] for item in range(items)})


def lessons(lists: list[list[int]], items: int) -> Lessons:
    return Lessons(Sequences.of(lists), items, None, "none")
