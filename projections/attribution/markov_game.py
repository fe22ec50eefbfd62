"""Shapley values of the game in which a set of channels is worth the conversions that a Markov chain of order 1 would
still have with these channels alone: paths that came to nothing count here.

Exact to 15 channels, over all sets. Beyond, orders in which channels join are drawn (a fixed seed, each order and its
reverse), and each value has a standard error. One elimination gives a whole order: with (I - Q) = L U, the worth of the
first k channels is Σ of the first k products of startᵀU⁻¹ and L⁻¹ends (Castro, Gómez & Tejada 2009, on sampling).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from projections.attribution.markov import Chain

EXACT = 15
SEED = 7
MOST_ORDERS, FEWEST_ORDERS = 2_000, 20
#: Multiplications that sampling may take, about.
BUDGET = 4e9
_BATCH = 4096
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Values:
    """Channel → its value for conversions and for what these brought, of one path that begins; their standard errors, 0
    where they are exact. ``orders``: how many were drawn, 0 where all sets were looked at."""

    conversions: Mapping[str, float]
    value: Mapping[str, float]
    conversions_error: Mapping[str, float]
    value_error: Mapping[str, float]
    orders: int = 0


def play(found: Chain, seed: int = SEED) -> Values:
    """``found``: a chain of order 1."""
    channels = [state[0] for state in found.states if state]
    q = found.q.toarray()
    ends = np.stack((found.converts[1:], found.brings[1:]), axis=1)
    if len(channels) <= EXACT:
        means, errors, orders = _exact(q[0, 1:], q[1:, 1:], ends), np.zeros_like(ends), 0
    else:
        means, errors, orders = _sampled(q[0, 1:], q[1:, 1:], ends, seed)
    columns = (dict(zip(channels, map(float, each), strict=True)) for each in (*means.T, *errors.T))
    conversions, value, conversions_error, value_error = columns
    return Values(conversions, value, conversions_error, value_error, orders)


def worths(start: Floats, q: Floats, ends: Floats) -> Floats:
    """(2ⁿ, 2): what each set of the n channels is worth; bit i of its number stands for channel i."""
    n = len(start)
    found = np.zeros((1 << n, ends.shape[1]))
    for begin in range(0, 1 << n, _BATCH):
        sets = np.arange(begin, min(begin + _BATCH, 1 << n))
        here = (sets[:, None] >> np.arange(n) & 1).astype(np.float64)  # (B, n)
        equations = np.eye(n) - q * (here[:, :, None] * here[:, None, :])
        solved = np.linalg.solve(equations, here[:, :, None] * ends)  # (B, n, 2)
        found[sets] = np.einsum("bn,bnk->bk", here * start, solved)
    return found


def _exact(start: Floats, q: Floats, ends: Floats) -> Floats:
    n = len(start)
    worth, sets = worths(start, q, ends), np.arange(1 << n)
    sizes = np.bitwise_count(sets)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    found = np.zeros_like(ends)
    for channel in range(n):
        without = sets[sets >> channel & 1 == 0]
        gained = worth[without | 1 << channel] - worth[without]
        found[channel] = (weight[sizes[without], None] * gained).sum(axis=0)
    return found


def _sampled(start: Floats, q: Floats, ends: Floats, seed: int) -> tuple[Floats, Floats, int]:
    """Means and standard errors over pairs of an order and its reverse."""
    n = len(start)
    pairs = int(min(max(BUDGET / n**3, FEWEST_ORDERS), MOST_ORDERS)) // 2
    chance = np.random.Generator(np.random.Philox(seed))
    drawn = np.zeros((pairs, n, ends.shape[1]))
    at_once = max(1, int(2e7 / n**2))
    for begin in range(0, pairs, at_once):
        orders = np.stack([chance.permutation(n) for _ in range(min(at_once, pairs - begin))])
        both = (_gains(start, q, ends, each) for each in (orders, orders[:, ::-1]))
        drawn[begin : begin + len(orders)] = sum(both) / 2
    return drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / np.sqrt(pairs), 2 * pairs


def _gains(start: Floats, q: Floats, ends: Floats, orders: NDArray[np.int64]) -> Floats:
    """(B, n, 2): what each channel adds where channels join in these orders. (I - Q) has a dominant diagonal, so that
    elimination needs no exchange of rows."""
    n = len(start)
    rows = np.eye(n) - q
    a = rows[orders[:, :, None], orders[:, None, :]]  # (B, n, n)
    left, right = start[orders].copy(), ends[orders].copy()  # (B, n), (B, n, 2)
    for k in range(n - 1):
        pivot = a[:, k, k]
        down = a[:, k + 1 :, k] / pivot[:, None]
        right[:, k + 1 :] -= down[:, :, None] * right[:, k : k + 1]
        across = a[:, k, k + 1 :] / pivot[:, None]
        left[:, k + 1 :] -= across * left[:, k : k + 1]
        a[:, k + 1 :, k + 1 :] -= down[:, :, None] * a[:, k : k + 1, k + 1 :]
    products = (left / np.diagonal(a, axis1=1, axis2=2))[:, :, None] * right
    gains = np.empty_like(products)
    np.put_along_axis(gains, orders[:, :, None].repeat(products.shape[2], axis=2), products, axis=1)
    return gains
