"""The neural models at request time: dot products of a person's vector with those of the candidates, and NCF's MLP."""

from contextlib import suppress
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.content.score import Content, TowerWeights
from ml.ncf.score import Ncf
from ml.score.member import SIZE, Block, Places, Seen, Told
from ml.sequences import Floats
from ml.session.score import Session

#: MADV_POPULATE_READ, which Python's mmap has no name for yet.
POPULATE_READ = 22
HALF = np.float32(0.5)
ONE = np.float32(1)
M = TypeVar("M", Ncf, Session, Content, TowerWeights)


class Room:
    """Where candidates' vectors are put: one after the other in the same memory, so that it stays in the processor's
    caches."""

    def __init__(self) -> None:
        self._whole = np.empty(0, np.float32)

    def of(self, count: int, width: int) -> Floats:
        """(count, width), to be asked for anew for each answer; ``count`` at most SIZE."""
        if len(self._whole) < SIZE * width:
            self._whole = np.empty(SIZE * width, np.float32)
        return self._whole[: count * width].reshape(count, width)


class Dots:
    """scale · (v · u) + b for the rows of a block."""

    def __init__(self, items: Floats, bias: Floats | None, scale: float, room: Room) -> None:
        self._items, self._bias, self._scale = plain(items), None if bias is None else plain(bias), np.float32(scale)
        self._room = room
        self._out, self._more = np.empty(SIZE, np.float32), np.empty(SIZE, np.float32)

    def __call__(self, user: Floats, rows: Places) -> Floats:
        """``user`` (D,) → (B,), in an array that is used again."""
        count, out = len(rows), self._out[: len(rows)]
        vectors = self._room.of(count, self._items.shape[1])
        self._items.take(rows, axis=0, out=vectors, mode="clip")
        np.dot(vectors, user, out=out)
        out *= self._scale
        if self._bias is not None:
            out += self._bias.take(rows, out=self._more[:count], mode="clip")
        return out


class ServedNcf:
    """NCF, with the arithmetic of ``Ncf.mlp`` in arrays that are used again."""

    def __init__(self, model: Ncf, room: Room) -> None:
        self._model, self._room = of_arrays(model), room
        self._dots = Dots(model.items, model.bias, model.scale, room)
        self._inner = np.empty((SIZE, model.inner.shape[1]), np.float32)
        self._added = np.empty(SIZE, np.float32)

    def tell(self, seen: Seen) -> Told:
        """The person's vector (D,), and what ``Ncf.half`` makes of it."""
        user = self.user(seen)
        return user, *self._model.half(user)

    def user(self, seen: Seen) -> Floats:
        """(D,) as ``Ncf.users`` has it."""
        model, rows = self._model, seen.rows[-self._model.window :]
        if not len(rows):
            return np.zeros(model.items.shape[1], np.float32)
        looked = model.items.take(rows, axis=0)
        weights = softmax(ago(model.ago, len(rows)) + looked @ (looked[-1] @ model.fit))
        evenly = np.full(len(rows), 1 / len(rows), np.float32)
        return unit((weights @ looked) @ model.recent + (evenly @ looked) @ model.centroid, 1e-12)

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) bias + dot + MLP."""
        user, half, below, constant = told
        count = len(block.rows)
        first, inner, added = self._room.of(count, len(half)), self._inner[:count], self._added[:count]
        self._model.halves.take(block.rows, axis=0, out=first, mode="clip")
        np.maximum(first, half, out=first)
        np.dot(first, self._model.inner, out=inner)
        np.maximum(inner, below, out=inner)
        np.dot(inner, self._model.last, out=added)
        added += constant
        out = self._dots(user, block.rows)
        out += added
        return out


class ServedSession:
    """The session model. A gate's 1 / (1 + e⁻ˣ) is (tanh(x / 2) + 1) / 2; halving is exact, and done beforehand."""

    def __init__(self, model: Session, room: Room) -> None:
        self._model = of_arrays(model)
        self._dots = Dots(model.items, model.bias, model.scale, room)
        self._width = model.items.shape[1]
        self._states = self._model.states.copy()
        self._states[:, : 2 * self._width] *= HALF
        self._query, self._asked, self._key = (HALF * x for x in (model.query, model.asked, model.key))

    def tell(self, seen: Seen) -> Told:
        """The session as a unit vector (D,), as ``Session.vectors`` has it."""
        model, rows = self._model, seen.rows[-self._model.window :]
        if not len(rows):
            return (np.zeros(self._width, np.float32),)
        states = self._walk(model.inputs.take(rows, axis=0))
        last = states[-1]
        fit = states @ self._key
        fit += last @ self._query + self._asked
        attended = softmax((HALF * np.tanh(fit) + HALF) @ model.energy) @ states
        return (unit(np.concatenate([last, attended]) @ model.out, 1e-12),)

    def _walk(self, given: Floats) -> Floats:
        """``given`` (T, 3D) what the GRU makes of each view → (T, D) the state after each."""
        width, late = self._width, self._model.late
        given[:, : 2 * width] *= HALF
        told, fresh = given[:, : 2 * width], given[:, 2 * width :]
        states = np.zeros((len(given) + 1, width), np.float32)
        kept = np.empty(3 * width, np.float32)
        gates, reset, update, new = kept[: 2 * width], kept[:width], kept[width : 2 * width], kept[2 * width :]
        for step in range(len(given)):
            state, following = states[step], states[step + 1]
            np.dot(state, self._states, out=kept)
            np.add(gates, told[step], gates)
            np.tanh(gates, gates)
            np.multiply(gates, HALF, gates)
            np.add(gates, HALF, gates)
            np.add(new, late, new)
            np.multiply(new, reset, new)
            np.add(new, fresh[step], new)
            np.tanh(new, new)
            np.subtract(state, new, following)
            np.multiply(following, update, following)
            np.add(following, new, following)
        return states[1:]

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) logits."""
        return self._dots(told[0], block.rows)


class ServedContent:
    """The content model: two towers over attributes."""

    def __init__(self, model: Content, room: Room) -> None:
        self._model = of_arrays(model)
        self._tower = of_arrays(model.user_tower)
        self._dots = Dots(model.items, None, model.scale, room)

    def tell(self, seen: Seen) -> Told:
        """The person's vector (D,), as ``Content.users`` has it."""
        model, rows = self._model, seen.rows[-self._model.window :]
        if not len(rows):
            return (np.zeros(model.items.shape[1], np.float32),)
        looked = model.items.take(rows, axis=0)
        if model.corrections is not None:
            looked += model.corrections.take(rows, axis=0)
        person = softmax(ago(model.ago, len(rows)) + looked @ model.attention) @ looked
        tower = self._tower
        inner = np.maximum(person @ tower.first + tower.first_bias, 0)
        return (unit(person + inner @ tower.last + tower.last_bias, 1e-6),)

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) scaled cosines."""
        return self._dots(told[0], block.rows)


def of_arrays(model: M) -> M:
    """The same with plain arrays: those of a mapped file are slower to slice, and share the same memory."""
    values: dict[str, Any] = {field.name: getattr(model, field.name) for field in fields(model)}
    kind: Any = type(model)
    again: M = kind(**{name: plain(x) if isinstance(x, np.ndarray) else x for name, x in values.items()})
    return again


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Without a copy; what is mapped is found in the page tables from now on, so that no request waits for that."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None:
        with suppress(OSError, ValueError):  # a kernel before 5.14
            mapped.madvise(POPULATE_READ)
    return np.asarray(array).view(np.ndarray)


def ago(weights: Floats, length: int) -> Floats:
    """(length,) the weight of each item by how long ago it came, oldest first; all that are far count the same."""
    known = weights[:length][::-1]
    if length <= len(weights):
        return known
    return np.concatenate([np.full(length - len(weights), weights[-1], np.float32), known])


def softmax(energy: NDArray[np.floating]) -> Floats:
    """(T,) shares."""
    weights: Floats = np.exp(energy - energy.max())
    weights /= weights.sum()
    return weights


def unit(vector: NDArray[np.floating], least: float) -> Floats:
    """Of length 1; zeros stay zeros."""
    return np.asarray(vector / max(float(np.sqrt(vector @ vector)), least), np.float32)
