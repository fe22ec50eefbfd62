"""Small logs whose truth is known."""

import numpy as np

from ml.ope.log import Coded, Items, Log

#: Click chances by user kind (2) and item (3).
TRUTH = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.5]])
#: What the logging policy shows, by user kind.
SHOWN = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
ITEMS = Items(np.array([[-1.0], [0.0], [1.0]]), Coded(np.array([[0], [0], [1]], np.int32), (2,)))


def log_of(rounds: int, seed: int) -> Log:
    """Rounds of two kinds of users; one place."""
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 2, rounds)
    arms = np.array([random.choice(3, p=SHOWN[kind]) for kind in kinds], np.int32)
    return Log(
        arms,
        np.zeros(rounds, np.int32),
        (random.random(rounds) < TRUTH[kinds, arms]).astype(np.float64),
        SHOWN[kinds, arms],
        Coded(kinds[:, None].astype(np.int32), (2,)),
        None,
        ITEMS,
    )
