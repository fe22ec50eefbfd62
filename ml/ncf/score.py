"""NCF in numpy: what runs at request time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows, Sequences

#: How many items the MLP orders; the rest is ordered by bias and dot product.
ORDERED = 500


@dataclass(frozen=True, slots=True)
class Ncf:
    """Weights ready to be used. ``items`` (N, D) unit vectors; ``halves`` (N, 128) the item half of the first layer;
    ``ago`` (FAR,); ``fit``, ``recent``, ``centroid`` (D, D); ``user_half`` (D, 128), ``user_bias`` (128,); ``inner``
    (128, 64), ``inner_bias`` (64,); ``last`` (64,); ``bias`` (N,)."""

    window: int
    scale: float
    items: Floats
    halves: Floats
    ago: Floats
    fit: Floats
    recent: Floats
    centroid: Floats
    user_half: Floats
    user_bias: Floats
    inner: Floats
    inner_bias: Floats
    last: Floats
    bias: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N): all items by bias and dot product, the best ``ORDERED`` of them with the MLP added. What the MLP does
        not see is taken to be at its worst."""
        return self.of_users(self.users(history))

    def of_users(self, users: Floats) -> Floats:
        """The same for persons given as vectors (B, D)."""
        out = np.asarray(self.scale * (users @ self.items.T) + self.bias, np.float32)
        count = min(ORDERED, out.shape[1])
        for row, user in enumerate(users):
            best = np.argpartition(-out[row], count - 1)[:count]
            added = self.mlp(user, best)
            whole = out[row, best] + added
            out[row] += added.min()
            out[row, best] = whole
        return out

    def score(self, user: Floats, candidates: NDArray[np.integer]) -> Floats:
        """``user`` (D,), ``candidates`` (K,) item rows → (K,) bias + dot + MLP."""
        out = self.items.take(candidates, axis=0) @ user
        out *= np.float32(self.scale)
        out += self.bias.take(candidates)
        out += self.mlp(user, candidates)
        return out

    def mlp(self, user: Floats, candidates: NDArray[np.integer]) -> Floats:
        """(K,) what the MLP adds: max(x + a, 0) is max(x, -a) + a, so that each layer compares the candidates' numbers
        once, and what it would add to them all is added up beforehand."""
        half, inner, constant = self.half(user)
        first = self.halves.take(candidates, axis=0)
        np.maximum(first, half, out=first)
        second = first @ self.inner
        np.maximum(second, inner, out=second)
        out = second @ self.last
        out += constant
        return np.asarray(out, np.float32)

    def half(self, user: Floats) -> tuple[Floats, Floats, Floats]:
        """``user`` (D,) → what the first layer's numbers are compared with (128,), the second's (64,), and what is
        added at the end (1,)."""
        first: Floats = -(user @ self.user_half + self.user_bias)
        inner: Floats = first @ self.inner - self.inner_bias
        return first, inner, np.array([-inner @ self.last], np.float32)

    def users(self, history: Sequences) -> Floats:
        """(B, D) each person as a unit vector; zeros without any history, which leaves the bias to order."""
        latest = history.last(self.window)
        out = np.zeros((len(history), self.items.shape[1]), np.float32)
        lengths = latest.lengths
        for length in np.unique(lengths[lengths > 0]):
            places = np.flatnonzero(lengths == length)
            out[places] = self.encode(latest.items[latest.indptr[places][:, None] + np.arange(length)])
        return out

    def encode(self, clicks: Rows) -> Floats:
        """``clicks`` (B, T) item rows, oldest first → (B, D) unit vectors."""
        looked = self.items[clicks]
        ago = self.ago[np.minimum(np.arange(clicks.shape[1])[::-1], len(self.ago) - 1)]
        energy = ago + np.einsum("bd,btd->bt", looked[:, -1] @ self.fit, looked)
        weights = np.exp(energy - energy.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        recent = np.einsum("bt,btd->bd", weights, looked)
        users = recent @ self.recent + looked.mean(axis=1) @ self.centroid
        return np.asarray(users / np.maximum(np.linalg.norm(users, axis=1, keepdims=True), 1e-12), np.float32)
