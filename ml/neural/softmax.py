"""The loss: cross entropy over all items, or over a sample of them corrected for how it was drawn.

Sampled softmax with the logQ correction: the logarithm of how often an item is expected in the sample is taken off its
logit (Bengio & Senécal 2008; Yi et al., RecSys 2019). BPR (Rendle et al., UAI 2009) beside it, to compare with.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.sequences import Hidden

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


def asked(clicks: Tensor, hidden: Hidden) -> tuple[Tensor, Tensor, Tensor | None]:
    """``clicks`` (B, T + 1), -1 pads on the right → which of the (B, T) places are learnt from, the target of each
    (P,), and the item before it (P,) where that one cannot be the answer."""
    targets, latest = clicks[:, 1:], clicks[:, :-1]
    if hidden == "none":
        real = targets >= 0
        return real, targets[real], None
    real = (targets >= 0) & (targets != latest)
    return real, targets[real], latest[real]


def full_loss(vectors: Tensor, targets: Tensor, logits: Logits, latest: Tensor | None = None) -> Tensor:
    """``vectors`` (P, D), ``targets`` (P,) item rows → the mean cross entropy over all items but the ``latest``."""
    every = logits(vectors, None)
    if latest is not None:
        every = every.scatter(1, latest[:, None], -torch.inf)
    return torch.nn.functional.cross_entropy(every, targets)


def sampled_loss(
    vectors: Tensor,
    targets: Tensor,
    logits: Logits,
    negatives: Negatives,
    random: np.random.Generator,
    latest: Tensor | None = None,
) -> Tensor:
    """The same over the targets of the batch and a sample of all items; each candidate is there once."""
    drawn, _ = negatives.draw(random)
    among = torch.unique(torch.cat([drawn, targets]))
    correction = negatives.expected(among.numpy())
    places = torch.searchsorted(among, targets)
    some = logits(vectors, among) - correction
    if latest is not None:
        some = some.masked_fill(among[None] == latest[:, None], -torch.inf)
    return torch.nn.functional.cross_entropy(some, places)


def bpr_loss(
    vectors: Tensor,
    targets: Tensor,
    logits: Logits,
    negatives: Negatives,
    random: np.random.Generator,
    latest: Tensor | None = None,
) -> Tensor:
    """Bayesian personalised ranking: each target is to score above each item of a sample, by the log-sigmoid of
    the difference.
    The sample is not corrected for how it was drawn: BPR's ranking is that under the draw."""
    drawn, _ = negatives.draw(random)
    among, places = torch.unique(torch.cat([drawn, targets]), return_inverse=True)
    scores = logits(vectors, among)
    own = scores.gather(1, places[len(drawn) :, None])
    others = scores[:, places[: len(drawn)]]
    counts = drawn[None] != targets[:, None]
    if latest is not None:
        counts &= drawn[None] != latest[:, None]
    return pairwise(own, others, counts)


def pairwise(own: Tensor, others: Tensor, counts: Tensor) -> Tensor:
    """Minus the log-sigmoid of ``own`` (P, 1) less ``others`` (P, K), its mean over the pairs that count (P, K)."""
    apart = torch.nn.functional.softplus(others - own)
    return (apart * counts).sum() / counts.sum().clamp(min=1)
