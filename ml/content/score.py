"""The content model in numpy: what runs at request time. A new item needs nothing but its attributes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.content.features import bounded
from ml.sequences import Attributes, Field, Floats, Sequences

#: Items whose codes are added up at a time.
PART = 4096


@dataclass(frozen=True, slots=True)
class TowerWeights:
    """``first`` (D, H), ``first_bias`` (H,), ``last`` (H, D), ``last_bias`` (D,)."""

    first: Floats
    first_bias: Floats
    last: Floats
    last_bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """(K, D) → (K, D) x + MLP(x), of length 1."""
        inner = x @ self.first
        inner += self.first_bias
        np.maximum(inner, 0, out=inner)
        return unit(np.asarray(x + inner @ self.last + self.last_bias, np.float32))


@dataclass(frozen=True, slots=True)
class Content:
    """Weights ready to be used. ``tables``: field → (size, D). ``attention`` (D,); ``ago`` (FAR,); ``corrections``
    (N, D) of items in a history, or none of them. ``items`` (N, D): the vectors of the catalogue's items."""

    window: int
    scale: float
    tables: dict[str, Floats]
    item_tower: TowerWeights
    user_tower: TowerWeights
    attention: Floats
    ago: Floats
    corrections: Floats | None
    items: Floats

    def for_items(self, attributes: Attributes) -> "Content":
        """The same model for a catalogue that goes on after the items it knew: new ones have no corrections."""
        items, corrections = item_vectors(self, attributes), self.corrections
        if corrections is not None:
            kept = corrections[: len(items)]
            corrections = np.concatenate([kept, np.zeros((len(items) - len(kept), kept.shape[1]), np.float32)])
        return replace(self, items=items, corrections=corrections)

    def scores(self, history: Sequences) -> Floats:
        """(B, N) for histories of item rows; zeros without any."""
        return np.asarray(self.scale * (self.users(history) @ self.items.T), np.float32)

    def users(self, history: Sequences) -> Floats:
        """(B, D) each person as a unit vector; zeros without any history."""
        latest = history.last(self.window)
        out = np.zeros((len(history), self.items.shape[1]), np.float32)
        lengths = latest.lengths
        for length in np.unique(lengths[lengths > 0]):
            places = np.flatnonzero(lengths == length)
            rows = latest.items[latest.indptr[places][:, None] + np.arange(length)]
            out[places] = pooled(self, self.looked_at(rows))
        return out

    def looked_at(self, rows: NDArray[np.integer]) -> Floats:
        """``rows`` (…) of items → (…, D) what they are in a history."""
        plain: Floats = self.items[rows]
        return plain if self.corrections is None else np.asarray(plain + self.corrections[rows], np.float32)


def item_vectors(weights: Content, attributes: Attributes) -> Floats:
    """(N, D) unit vectors of items by their attributes. Fields unknown to the model count for nothing.

    Raises ValueError naming a field whose codes the model has no room for.
    """
    fields = {name: bounded(field) for name, field in attributes.fields.items() if name in weights.tables}
    for name, field in fields.items():
        if field.size != len(weights.tables[name]):
            raise ValueError(f"{name}: the model has {len(weights.tables[name])} codes")
    out = np.zeros((attributes.items, len(weights.attention)), np.float32)
    for begin in range(0, attributes.items, PART):
        part = out[begin : begin + PART]
        for name in sorted(fields):
            part += _added_up(fields[name], weights.tables[name], begin, begin + len(part))
        part[:] = weights.item_tower(part)
    return out


def _added_up(field: Field, table: Floats, begin: int, end: int) -> Floats:
    """(end - begin, D) each item's codes' rows, added up and divided by the root of their number."""
    bounds = field.indptr[begin : end + 1]
    lengths = np.diff(bounds)
    out = np.zeros((end - begin, table.shape[1]), np.float32)
    some = lengths > 0
    if some.any():
        rows = table[field.codes[bounds[0] : bounds[-1]]]
        out[some] = np.add.reduceat(rows, bounds[:-1][some] - bounds[0], axis=0)
        out[some] /= np.sqrt(lengths[some], dtype=np.float32)[:, None]
    return out


def user_vector(weights: Content, history_vectors: Floats) -> Floats:
    """``history_vectors`` (T, D) of items looked at, oldest first → (D,) the person, of length 1; zeros if T = 0."""
    if not len(history_vectors):
        return np.zeros(weights.attention.shape, np.float32)
    person: Floats = pooled(weights, history_vectors[None, -weights.window :])[0]
    return person


def pooled(weights: Content, seen: Floats) -> Floats:
    """``seen`` (B, T, D) items in histories, oldest first, T > 0 → (B, D) unit vectors."""
    ago = weights.ago[np.minimum(np.arange(seen.shape[1])[::-1], len(weights.ago) - 1)]
    energy = ago + seen @ weights.attention
    share = np.exp(energy - energy.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return weights.user_tower(np.einsum("bt,btd->bd", share, seen))


def score(user: Floats, items: Floats) -> Floats:
    """``user`` (D,), ``items`` (K, D) → (K,) cosines."""
    return np.asarray(items @ user, np.float32)


def unit(x: Floats) -> Floats:
    """Rows of length 1; zeros stay zeros."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6), np.float32)
