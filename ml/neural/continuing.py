"""Going on from a trained model. Vectors and biases of items come from the model as it is served; what its arrays do
not have, from what training left beside it."""

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ml.sequences import Floats

Arrays = dict[str, NDArray[Any]]
#: Arrays of a learner that have a row for each item; the first has one more, for padding.
ROWS = ("items.weight", "bias")
M = TypeVar("M", covariant=True)


class Rowed(Protocol):
    """A served model with vectors ``items`` (N, D) and ``bias`` (N,)."""

    @property
    def items(self) -> Floats:
        """(N, D)"""

    @property
    def bias(self) -> Floats:
        """(N,)"""


@dataclass(frozen=True, slots=True)
class Start(Generic[M]):
    """Where a training begins: the ``model``, the ``rest`` that was left beside it, and the row that each of today's
    items has in the model, ``places`` (N,), -1 for those that it does not know."""

    model: M
    rest: Arrays
    places: NDArray[np.int64]


class Taught(NamedTuple, Generic[M]):
    """``rest``: what it takes to go on, beside the model."""

    model: M
    epochs: int
    rest: Arrays


def rest_of(learner: nn.Module, rows: tuple[str, ...] = ROWS) -> Arrays:
    """All arrays of a learner but those of items."""
    return {name: tensor.numpy().copy() for name, tensor in learner.state_dict().items() if name not in rows}


@torch.no_grad()
def take_up(learner: nn.Module, start: Start[Rowed]) -> None:
    """Sets a new learner's weights. Items that are new keep the vectors drawn for them, and get the middle one of the
    biases. Raises ValueError where the rest is not of such a learner."""
    state = learner.state_dict()
    known = np.flatnonzero(start.places >= 0)
    rows, bias = start.places[known], np.asarray(start.model.bias)
    state["items.weight"][known] = torch.from_numpy(np.asarray(start.model.items)[rows])
    state["bias"][:] = float(np.median(bias)) if len(bias) else 0.0
    state["bias"][known] = torch.from_numpy(bias[rows])
    restore(learner, state, start.rest, ROWS)


def restore(learner: nn.Module, state: dict[str, Any], rest: Arrays, rows: tuple[str, ...]) -> None:
    """Loads ``state``, with the ``rest`` in it. Raises ValueError where that is not of such a learner."""
    expected = {name: tuple(tensor.shape) for name, tensor in state.items() if name not in rows}
    if expected != {name: array.shape for name, array in rest.items()}:
        raise ValueError("rest: not of a model of this configuration")
    learner.load_state_dict(state | {name: torch.from_numpy(np.array(array)) for name, array in rest.items()})
