"""The session model in numpy: what runs at request time."""

from dataclasses import dataclass

import numpy as np

from ml.sequences import Floats, Rows, Sequences


@dataclass(frozen=True, slots=True)
class Session:
    """Weights ready to be used. ``items`` (N, D) unit vectors; ``inputs`` (N, 3D) what the GRU makes of each item, its
    biases included; ``states`` (D, 3D); ``late`` (D,) the bias within the reset gate; ``query``, ``key`` (D, D);
    ``asked`` (D,); ``energy`` (D,); ``out`` (2D, D); ``bias`` (N,). Gates in the order reset, update, new."""

    window: int
    scale: float
    items: Floats
    inputs: Floats
    states: Floats
    late: Floats
    query: Floats
    asked: Floats
    key: Floats
    energy: Floats
    out: Floats
    bias: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N) logits; without any history the bias alone, which is popularity."""
        vectors = self.vectors(history)
        return np.asarray(self.scale * (vectors @ self.items.T) + self.bias, np.float32)

    def score(self, session: Floats, candidates: Rows) -> Floats:
        """``session`` (D,), ``candidates`` (K,) item rows → (K,) logits."""
        cosines = self.items.take(candidates, axis=0) @ session
        return np.asarray(self.scale * cosines + self.bias.take(candidates), np.float32)

    def vectors(self, history: Sequences) -> Floats:
        """(B, D) each session as a unit vector; zeros without any view."""
        latest = history.last(self.window)
        out = np.zeros((len(history), self.items.shape[1]), np.float32)
        lengths = latest.lengths
        for length in np.unique(lengths[lengths > 0]):
            places = np.flatnonzero(lengths == length)
            clicks = latest.items[latest.indptr[places][:, None] + np.arange(length)]
            out[places] = self.encode(clicks)
        return out

    def encode(self, clicks: Rows) -> Floats:
        """``clicks`` (B, T) item rows, oldest first, all known → (B, D) unit vectors."""
        states = self._states(clicks)
        last = states[:, -1]
        fit = sigmoid((last @ self.query + self.asked)[:, None] + states @ self.key) @ self.energy
        weights = np.exp(fit - fit.max(axis=1, keepdims=True))
        attended = np.einsum("bt,btd->bd", weights, states) / weights.sum(axis=1, keepdims=True)
        vectors = np.concatenate([last, attended], axis=1) @ self.out
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    def _states(self, clicks: Rows) -> Floats:
        """(B, T, D) the state after each click."""
        width = self.items.shape[1]
        given = self.inputs[clicks]
        states = np.empty((*clicks.shape, width), np.float32)
        state = np.zeros((len(clicks), width), np.float32)
        for step in range(clicks.shape[1]):
            told, kept = given[:, step], state @ self.states
            gates = sigmoid(told[:, : 2 * width] + kept[:, : 2 * width])
            new = np.tanh(told[:, 2 * width :] + gates[:, :width] * (kept[:, 2 * width :] + self.late))
            state = new + gates[:, width:] * (state - new)
            states[:, step] = state
        return states


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e⁻ˣ), without overflow."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5, np.float32)
