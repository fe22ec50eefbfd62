"""How an answer came about, step by step, for whoever asks why; nothing is kept of it otherwise."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Rows
from queries.recommend.rules import Effect


@dataclass(frozen=True, slots=True)
class Layer:
    """What a step made of the candidates ``rows`` (K,) of the assortment: ``values`` (K,), higher is better."""

    step: str
    rows: Rows
    values: NDArray[np.floating]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What rules did to the item ``row``, whose ``score`` was so high before."""

    row: int
    score: float
    effects: tuple[Effect, ...]


@dataclass(slots=True)
class Trace:
    """``layers`` in the order of the steps; ``said``: row → what steps say in words; ``judged``: all that came before
    the rules."""

    layers: list[Layer] = field(default_factory=list)
    said: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)

    def layer(self, step: str, rows: Rows, values: NDArray[np.floating], note: str = "") -> None:
        """One more step."""
        self.layers.append(Layer(step, rows, np.array(values), note))

    def say(self, row: int, step: str, words: str) -> None:
        """Of one item."""
        self.said.setdefault(row, []).append((step, words))

    def of(self, row: int) -> list[tuple[str, float, int, str]]:
        """(step, value, rank from 1, note) of each step in which the item was."""
        found = []
        for layer in self.layers:
            places = np.flatnonzero(layer.rows == row)
            if len(places):
                value = layer.values[places[0]]
                found.append((layer.step, float(value), 1 + int((layer.values > value).sum()), layer.note))
        return found
