"""A model of rewards for DM, DR and Switch-DR: logistic regression, L2-regularised, on user, item and place.

log-odds = intercept + user categories + place + item + item's description + affinity. No part depends on user and item
at once but the affinity, so all arms of a round cost one addition each. Each weight but the intercept has the prior
N(0, 1); numbers are scaled to standard deviation 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ml.ope.log import Coded, Floats, Log

FOLDS = 3
CHUNK = 20_000
STEPS, TOLERANCE = 30, 1e-8
FREE = 1e-6


@dataclass(frozen=True, slots=True)
class Reward:
    """Log-odds: ``users`` one array of weights a category column, ``places`` (P,), ``arms`` (A,) with the intercept,
    ``affinity`` a unit of it."""

    users: tuple[Floats, ...]
    places: Floats
    arms: Floats
    affinity: float

    def logits(self, log: Log) -> Floats:
        """(n, A) of every arm in every round."""
        rounds = self.places[log.places].copy()
        for column, weights in enumerate(self.users):
            rounds += weights[log.users.codes[:, column]]
        out = rounds[:, None] + self.arms
        if log.affinity is not None:
            out += self.affinity * log.affinity
        return np.asarray(out)


def fit(log: Log, positions: int) -> Reward:
    """The most likely weights given the prior, by Newton's method in chunks of rounds."""
    blocks, items = _Blocks(log, positions), _described(log)
    scale = _affinity_scale(log)
    weights = np.zeros(blocks.width)
    prior = np.ones(blocks.width)
    prior[0] = FREE
    for _ in range(STEPS):
        curvature, slope = np.diag(prior), -prior * weights
        for x, reward in blocks.chunks(log, items, scale):
            share = 0.5 * (1 + np.tanh(x @ weights / 2))
            curvature += x.T @ ((share * (1 - share))[:, None] * x)
            slope += x.T @ (reward - share)
        step = np.linalg.solve(curvature, slope)
        step *= min(1.0, 4.0 / float(np.abs(step).max() or 1.0))  # far from the top Newton's steps may overshoot
        weights += step
        if np.abs(step).max() < TOLERANCE:
            break
    return blocks.reward(weights, items, scale)


def cross_fitted(
    log: Log, policy: Callable[[Log], Floats], positions: int, seed: int, fitted: Callable[[int], None] = lambda n: None
) -> tuple[Floats, Floats]:
    """q̂ of the arm shown and q̂_π, each (n,), of each round by a model that has not seen it (``FOLDS`` folds).

    ``policy``: chances (n, A) of the arms in these rounds; or (n, 1), when the arm shown is all there is.
    """
    folds = np.random.Generator(np.random.Philox(seed)).permutation(len(log)) % min(FOLDS, len(log))
    logged, expected = np.zeros(len(log)), np.zeros(len(log))
    for fold in range(min(FOLDS, len(log))):
        model = fit(log.take(folds != fold), positions)
        rounds = np.flatnonzero(folds == fold)
        for begin in range(0, len(rounds), CHUNK):
            rows = rounds[begin : begin + CHUNK]
            logged[rows], expected[rows] = _predicted(model, log.take(rows), policy)
        fitted(1)
    return logged, expected


def _predicted(model: Reward, part: Log, policy: Callable[[Log], Floats]) -> tuple[Floats, Floats]:
    rewards = 0.5 * (1 + np.tanh(model.logits(part) / 2))
    logged = rewards[np.arange(len(part)), part.arms]
    chances = policy(part)
    return logged, logged if chances.shape[1] == 1 else np.asarray((chances * rewards).sum(axis=1))


class _Blocks:
    """Where each kind of feature has its columns: intercept, users, places, items, descriptions, affinity."""

    def __init__(self, log: Log, positions: int) -> None:
        self._users = log.users.sizes
        self._positions = positions
        self._items = len(log.items)
        self._described = _described(log).shape[1]
        self._place_at = 1 + sum(self._users)
        self._item_at = self._place_at + positions
        self._text_at = self._item_at + self._items
        self.width = self._text_at + self._described + 1

    def chunks(self, log: Log, described: Floats, scale: float) -> Iterator[tuple[Floats, Floats]]:
        """Features (m, width) and rewards (m,) of some rounds at a time."""
        for begin in range(0, len(log), CHUNK):
            part = log.take(slice(begin, begin + CHUNK))
            yield self._features(part, described, scale), part.rewards

    def _features(self, part: Log, described: Floats, scale: float) -> Floats:
        each = np.arange(len(part))
        x = np.zeros((len(part), self.width))
        x[:, 0] = 1.0
        at = 1
        for column, size in enumerate(self._users):
            x[each, at + part.users.codes[:, column]] = 1.0
            at += size
        x[each, self._place_at + part.places] = 1.0
        x[each, self._item_at + part.arms] = 1.0
        x[:, self._text_at : -1] = described[part.arms]
        if part.affinity is not None:
            x[:, -1] = part.affinity[each, part.arms] * scale
        return x

    def reward(self, weights: Floats, described: Floats, scale: float) -> Reward:
        """The weights as what they are added up from."""
        edges = np.cumsum((1, *self._users))
        users = tuple(weights[low:high] for low, high in pairwise(edges))
        places = weights[self._place_at : self._item_at]
        items = weights[self._item_at : self._text_at] + described @ weights[self._text_at : -1]
        return Reward(users, places, items + weights[0], float(weights[-1] * scale))


def _described(log: Log) -> Floats:
    """(A, …) the items' numbers, scaled, and a column a category."""
    numbers, kinds = log.items.numbers, log.items.kinds
    spread = numbers.std(axis=0)
    scaled = (numbers - numbers.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.concatenate((scaled, *_one_hot(kinds)), axis=1)


def _one_hot(kinds: Coded) -> Iterator[Floats]:
    for column, size in enumerate(kinds.sizes):
        yield np.eye(size)[kinds.codes[:, column]]


def _affinity_scale(log: Log) -> float:
    if log.affinity is None:
        return 0.0
    spread = float(log.affinity[np.arange(len(log)), log.arms].std())
    return 1 / spread if spread > 0 else 0.0
