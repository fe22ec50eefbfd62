"""Meta-learners of the effect on a unit, from an experiment (Künzel, Sekhon, Bickel & Yu 2019), over ridge regression.

- T: one model of the outcome with the treatment, one without; the effect is their difference
- X: what the other arm's model did not expect of each unit is itself learnt, in both arms, and the two are averaged by
  the share of the treated; better where arms are of different sizes, or the effect is simpler than the outcome. So its
  models of the outcome have the products of two features too, those of the effect have not

Effects of a unit are predicted by models that have not seen it (cross-fitting), so a curve over them is honest.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.uplift.features import Floats

Flags = NDArray[np.bool_]
#: (features, outcomes, treated) of the units to learn from, then features of those to predict → effects
Learner = Callable[[Floats, Floats, Flags, Floats], Floats]
PENALTY = 10.0
FOLDS = 5
MOST_MULTIPLIED = 30


def ridge(x: Floats, y: Floats, penalty: float = PENALTY) -> Floats:
    """(d + 1,) coefficients, the intercept first and not penalised (Hoerl & Kennard 1970)."""
    with_one = _one(x)
    gram = with_one.T @ with_one + np.diag([0.0] + [penalty] * x.shape[1])
    return np.asarray(np.linalg.solve(gram, with_one.T @ y), np.float64)


def t_learner(x: Floats, y: Floats, treated: Flags, asked: Floats) -> Floats:
    """(m,) effects of the units ``asked`` (m, d)."""
    return _one(asked) @ (ridge(x[treated], y[treated]) - ridge(x[~treated], y[~treated]))


def x_learner(x: Floats, y: Floats, treated: Flags, asked: Floats) -> Floats:
    """(m,) effects of the units ``asked`` (m, d)."""
    rich = _one(products(x))
    with_it, without = ridge(rich[treated, 1:], y[treated]), ridge(rich[~treated, 1:], y[~treated])
    of_treated = ridge(x[treated], y[treated] - rich[treated] @ without)
    of_others = ridge(x[~treated], rich[~treated] @ with_it - y[~treated])
    share = float(treated.mean())
    return _one(asked) @ (share * of_others + (1 - share) * of_treated)


LEARNERS: dict[str, Learner] = {"t": t_learner, "x": x_learner}


def cross_fitted(learner: Learner, x: Floats, y: Floats, treated: Flags, seed: int, folds: int = FOLDS) -> Floats:
    """(n,) effects, each from the other folds. Raises ValueError where a fold would leave an arm without units."""
    random = np.random.Generator(np.random.Philox(seed))
    fold = random.permutation(len(y)) % folds
    effects = np.empty(len(y))
    for each in range(folds):
        held = fold == each
        seen = treated[~held]
        if not 2 <= int(seen.sum()) <= len(seen) - 2:
            raise ValueError("an arm has too few units to learn from")
        effects[held] = learner(x[~held], y[~held], seen, x[held])
    return effects


def products(x: Floats) -> Floats:
    """(n, d + d (d + 1) / 2): with products of two, where there are at most ``MOST_MULTIPLIED`` columns."""
    if x.shape[1] > MOST_MULTIPLIED:
        return x
    first, second = np.triu_indices(x.shape[1])
    return np.concatenate((x, x[:, first] * x[:, second]), axis=1)


def _one(x: Floats) -> Floats:
    return np.concatenate((np.ones((len(x), 1)), x), axis=1)
