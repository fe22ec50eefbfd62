"""The posterior of each arm's weights: the log-odds of a click on arm a in context x are θ_a · x, and θ_a is Gaussian.

It is Laplace's approximation (MacKay 1992; Chapelle & Li 2011, here with whole matrices): its mean is where density is
highest, its precision the curvature there. ``update`` takes a posterior as the prior of the next, so it is a fold.
"""

from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STEPS = 50
TOLERANCE = 1e-9


class Config(msgspec.Struct, frozen=True):
    """``prior_scale``: standard deviation of each weight before anything is seen. ``prior_mean``: one a dimension, or
    none for 0. ``exploration``: draws are from a Gaussian of so many times the posterior's standard deviation
    (Chapelle & Li 2011, "posterior reshaping"); 1 is plain Thompson sampling."""

    dimensions: int
    prior_scale: float = 1.0
    prior_mean: tuple[float, ...] = ()
    exploration: float = 0.4

    def __post_init__(self) -> None:
        """Raises ValueError that names the field."""
        if not 1 <= self.dimensions <= 1024:
            raise ValueError("dimensions has to be from 1 to 1024")
        if not 1e-6 <= self.prior_scale <= 1e6:
            raise ValueError("prior_scale has to be from 1e-6 to 1e6")
        if not 0 < self.exploration <= 10:
            raise ValueError("exploration has to be above 0 and at most 10")
        if self.prior_mean and (len(self.prior_mean) != self.dimensions or not np.isfinite(self.prior_mean).all()):
            raise ValueError("prior_mean has to be one finite number a dimension")


@dataclass(frozen=True, slots=True)
class Posterior:
    """Of A arms and D dimensions: ``means`` (A, D), ``precisions`` (A, D, D), ``shown`` and ``clicked`` (A,) counts."""

    config: Config
    means: Floats
    precisions: Floats
    shown: Ints
    clicked: Ints

    @property
    def arms(self) -> int:
        """A."""
        return len(self.means)


@dataclass(frozen=True, slots=True)
class Observations:
    """What came of M showings, or of M groups of them: ``arms`` (M,) rows, ``contexts`` (M, D), of ``shown`` (M,)
    showings ``clicked`` (M,) were clicked. In no order that matters."""

    arms: NDArray[np.int32]
    contexts: Floats
    shown: Ints
    clicked: Ints

    @classmethod
    def of(
        cls, arms: NDArray[np.integer], contexts: NDArray[np.floating], clicked: NDArray[np.integer] | NDArray[np.bool_]
    ) -> Self:
        """Single showings."""
        return cls(
            np.asarray(arms, np.int32),
            np.asarray(contexts, np.float64),
            np.ones(len(arms), np.int64),
            np.asarray(clicked, np.int64),
        )


def start(config: Config, arms: int) -> Posterior:
    """The prior."""
    mean = np.array(config.prior_mean or (0.0,) * config.dimensions)
    precision = np.eye(config.dimensions) / config.prior_scale**2
    none = np.zeros(arms, np.int64)
    return Posterior(config, np.tile(mean, (arms, 1)), np.tile(precision, (arms, 1, 1)), none, none)


def grow(posterior: Posterior, arms: int) -> Posterior:
    """With new arms after those there are, up to ``arms``; they have the prior. Raises ValueError naming ``arms``."""
    if arms < posterior.arms:
        raise ValueError("arms cannot become fewer")
    more = start(posterior.config, arms - posterior.arms)
    return Posterior(
        posterior.config,
        np.concatenate((posterior.means, more.means)),
        np.concatenate((posterior.precisions, more.precisions)),
        np.concatenate((posterior.shown, more.shown)),
        np.concatenate((posterior.clicked, more.clicked)),
    )


def update(posterior: Posterior, seen: Observations) -> Posterior:
    """The posterior after these too: the same bytes for any order of ``seen``. Arms not in it keep theirs.

    Raises ValueError that names the field of ``seen`` that cannot be.
    """
    seen = _ordered(posterior, seen)
    means, precisions = posterior.means.copy(), posterior.precisions.copy()
    arms, starts = np.unique(seen.arms, return_index=True)
    ends = np.append(starts, len(seen.arms))[1:]
    for arm, begin, end in zip(arms, starts, ends, strict=True):
        part = slice(begin, end)
        means[arm], precisions[arm] = laplace(
            means[arm], precisions[arm], seen.contexts[part], seen.shown[part], seen.clicked[part]
        )
    shown, clicked = posterior.shown.copy(), posterior.clicked.copy()
    np.add.at(shown, seen.arms, seen.shown)
    np.add.at(clicked, seen.arms, seen.clicked)
    return Posterior(posterior.config, means, precisions, shown, clicked)


def laplace(mean: Floats, precision: Floats, x: Floats, shown: Ints, clicked: Ints) -> tuple[Floats, Floats]:
    """Mean (D,) and precision (D, D) after M groups of showings in contexts ``x`` (M, D), by damped Newton steps.

    Highest at θ: -½ (θ - mean)ᵀ precision (θ - mean) + Σ clicked · θx - shown · log(1 + exp θx), which is concave.
    """
    theta, logits = mean, x @ mean
    height = _height(0.0, logits, shown, clicked)
    for _ in range(STEPS):
        share = sigmoid(logits)
        curvature = precision + x.T @ ((shown * share * (1 - share))[:, None] * x)
        slope = x.T @ (clicked - shown * share) - precision @ (theta - mean)
        step = np.linalg.solve(curvature, slope)
        if slope @ step < TOLERANCE**2:
            break
        along = x @ step
        while True:
            away = theta + step - mean
            higher = _height(float(away @ precision @ away), logits + along, shown, clicked)
            if higher >= height - 1e-12 * abs(height):
                break
            step, along = step / 2, along / 2
        theta, logits, height = theta + step, logits + along, higher
    share = sigmoid(x @ theta)
    curvature = precision + x.T @ ((shown * share * (1 - share))[:, None] * x)
    return theta, (curvature + curvature.T) / 2


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _height(distance: float, logits: Floats, shown: Ints, clicked: Ints) -> float:
    return float(clicked @ logits - shown @ np.logaddexp(0, logits) - distance / 2)


def _ordered(posterior: Posterior, seen: Observations) -> Observations:
    """Checked, and in the one order that sums are made in, so that equal observations give equal bytes."""
    _check(posterior, seen)
    contexts = seen.contexts + 0.0  # of the two zeros the positive one
    order = np.lexsort((seen.clicked, seen.shown, *contexts.T[::-1], seen.arms))
    return Observations(seen.arms[order], contexts[order], seen.shown[order], seen.clicked[order])


def _check(posterior: Posterior, seen: Observations) -> None:
    rows = len(seen.arms)
    if seen.contexts.shape != (rows, posterior.config.dimensions):
        raise ValueError("contexts has to have a row an observation and a column a dimension")
    if not rows:
        return
    if not np.isfinite(seen.contexts).all() or np.abs(seen.contexts).max() > 1e6:
        raise ValueError("contexts have to be finite and at most a million")
    if not 0 <= seen.arms.min() <= seen.arms.max() < posterior.arms:
        raise ValueError(f"arms have to be from 0 to {posterior.arms - 1}")
    if seen.shown.shape != (rows,) or seen.shown.min() < 1:
        raise ValueError("shown has to be at least 1")
    if seen.clicked.shape != (rows,) or seen.clicked.min() < 0 or (seen.clicked > seen.shown).any():
        raise ValueError("clicked has to be from 0 to shown")
