"""The loss: cross entropy over all items, or over a sample of them corrected for how it was drawn.

Sampled softmax with the logQ correction: the logarithm of how often an item is expected in the sample is taken off its
logit (Bengio & Senécal 2008; Yi et al., RecSys 2019).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Logits = Callable[[Tensor, Tensor | None], Tensor]


class Negatives:
    """Draws items by frequency to the power of ``power``, a sample that the whole batch shares."""

    def __init__(self, counts: NDArray[np.int64], size: int, power: float) -> None:
        weights = np.power(counts + 1.0, power)
        self._share = weights / weights.sum()
        self._bounds = np.cumsum(self._share)
        self.size = size

    def draw(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Items (K,), each once, and the logarithm of how often each was expected (K,)."""
        drawn = np.unique(np.searchsorted(self._bounds, random.random(self.size) * self._bounds[-1]))
        return torch.from_numpy(drawn), self.expected(drawn)

    def expected(self, items: NDArray[np.int64]) -> Tensor:
        """The logarithm of the probability that an item is in a sample."""
        inside = -np.expm1(self.size * np.log1p(-np.minimum(self._share[items], 0.999999)))
        return torch.from_numpy(np.log(inside).astype(np.float32))


def full_loss(vectors: Tensor, targets: Tensor, logits: Logits) -> Tensor:
    """``vectors`` (P, D), ``targets`` (P,) item rows → the mean cross entropy over all items."""
    return torch.nn.functional.cross_entropy(logits(vectors, None), targets)


def sampled_loss(
    vectors: Tensor, targets: Tensor, logits: Logits, negatives: Negatives, random: np.random.Generator
) -> Tensor:
    """The same over the targets of the batch and a sample of all items; each candidate is there once."""
    drawn, _ = negatives.draw(random)
    among = torch.unique(torch.cat([drawn, targets]))
    correction = negatives.expected(among.numpy())
    places = torch.searchsorted(among, targets)
    return torch.nn.functional.cross_entropy(logits(vectors, among) - correction, places)
