"""The loop that trains: epochs over batches, a look at later data after each, the best epoch kept; resumable."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.neural.batches import batches, right_padded, windows
from ml.ranker import Progress
from ml.sequences import Sequences

Arrays = dict[str, NDArray[Any]]
#: Of a batch: clicks (B, T + 1), -1 pads on the right; which sequence each row is of (B,); random numbers.
Loss = Callable[[Tensor, Tensor, np.random.Generator], Tensor]
#: Epochs that may go by without a better one.
PATIENCE = 1


class Checkpoints(Protocol):
    """Keeps a training's state, so that it goes on after a kill."""

    def load(self) -> Arrays | None:
        """What was saved last."""

    def save(self, state: Arrays) -> None:
        """Replaces what was saved, at once or not at all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The learning rate falls linearly from ``rate`` to a tenth of it within ``epochs``; training stops after
    ``until`` of them. ``clicks``: items a batch, with padding. ``window``: how many items a prediction looks at."""

    epochs: int
    until: int
    clicks: int
    window: int
    rate: float
    decay: float


def fit(
    learner: nn.Module,
    loss: Loss,
    sequences: Sequences,
    plan: Plan,
    seed: int,
    progress: Progress,
    measure: Callable[[], float] | None = None,
    checkpoints: Checkpoints | None = None,
) -> int:
    """Trains ``learner`` in place, and returns how many epochs it has had.

    With ``measure``, which is asked after each epoch and whose larger values are better, the best epoch's weights are
    kept, and training ends when they are not bettered. AdamW (Loshchilov & Hutter 2019). What ``checkpoints`` has of
    this very training is gone on from, to the same end as without the break; a training that was done is not repeated.
    Whoever gives them clears them, when what was trained is kept.
    """
    state = State(learner, plan, seed)
    if checkpoints and (saved := checkpoints.load()):
        state.restore(saved)
    parts, owners = windows(sequences, plan.window)
    while state.epoch < plan.until and state.epoch - state.best_epoch <= PATIENCE:
        _epoch(learner, loss, parts, owners, plan, state, progress)
        state.ended(measure() if measure else float(state.epoch))
        if checkpoints:
            checkpoints.save(state.arrays())
    state.take_best()
    return state.best_epoch


class State:
    """All that a training consists of between two epochs."""

    def __init__(self, learner: nn.Module, plan: Plan, seed: int) -> None:
        self.learner = learner
        self.random = np.random.Generator(np.random.Philox(seed))
        self.optimiser = torch.optim.AdamW(
            learner.parameters(), lr=plan.rate, weight_decay=plan.decay, betas=(0.9, 0.99)
        )
        self.epoch = self.best_epoch = 0
        self.best_value = -np.inf
        self.best: Arrays = {}

    def ended(self, value: float) -> None:
        """An epoch is over."""
        self.epoch += 1
        if value > self.best_value or not self.best:
            self.best_epoch, self.best_value = self.epoch, value
            self.best = {name: tensor.numpy().copy() for name, tensor in self.learner.state_dict().items()}

    def take_best(self) -> None:
        """Puts the best epoch's weights into the learner."""
        if self.best:
            self.learner.load_state_dict({name: torch.from_numpy(array) for name, array in self.best.items()})

    def arrays(self) -> Arrays:
        """The state as named arrays."""
        found: Arrays = {f"best.{name}": array for name, array in self.best.items()}
        found |= {f"now.{name}": tensor.numpy().copy() for name, tensor in self.learner.state_dict().items()}
        for number, kept in self.optimiser.state_dict()["state"].items():
            found |= {f"optimiser.{number}.{name}": tensor.numpy().copy() for name, tensor in kept.items()}
        philox: Any = self.random.bit_generator.state
        found |= {f"philox.{name}": np.asarray(philox["state"][name]) for name in ("counter", "key")}
        found |= {f"philox.{name}": np.asarray(philox[name]) for name in ("buffer", "buffer_pos")}
        found |= {f"philox.{name}": np.asarray(philox[name]) for name in ("has_uint32", "uinteger")}
        found["torch"] = torch.get_rng_state().numpy().copy()
        found["epochs"] = np.array([self.epoch, self.best_epoch])
        found["value"] = np.array([self.best_value])
        return found

    def restore(self, saved: Arrays) -> None:
        """Takes on a state that ``arrays`` gave."""
        now = {name[4:]: torch.from_numpy(array.copy()) for name, array in saved.items() if name.startswith("now.")}
        self.learner.load_state_dict(now)
        self.best = {name[5:]: array.copy() for name, array in saved.items() if name.startswith("best.")}
        kept: dict[int, dict[str, Tensor]] = {}
        for name, array in saved.items():
            if name.startswith("optimiser."):
                _, number, part = name.split(".")
                kept.setdefault(int(number), {})[part] = torch.from_numpy(array.copy())
        self.optimiser.load_state_dict({"state": kept, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.random.bit_generator.state = {
            "bit_generator": "Philox",
            "state": {name: saved[f"philox.{name}"] for name in ("counter", "key")},
            "buffer": saved["philox.buffer"],
            **{name: int(saved[f"philox.{name}"]) for name in ("buffer_pos", "has_uint32", "uinteger")},
        }
        torch.set_rng_state(torch.from_numpy(saved["torch"].copy()))
        self.epoch, self.best_epoch = (int(each) for each in saved["epochs"])
        self.best_value = float(saved["value"][0])


def _epoch(
    learner: nn.Module,
    loss: Loss,
    parts: Sequences,
    owners: NDArray[np.int64],
    plan: Plan,
    state: State,
    progress: Progress,
) -> None:
    learner.train()
    for group in state.optimiser.param_groups:
        group["lr"] = plan.rate * (1 - 0.9 * state.epoch / max(plan.epochs - 1, 1))
    done = 0
    for places in batches(parts.lengths, plan.clicks, state.random):
        state.optimiser.zero_grad(set_to_none=True)
        clicks = torch.from_numpy(right_padded(parts, places))
        found: Any = loss(clicks, torch.from_numpy(owners[places]), state.random)
        found.backward()
        state.optimiser.step()
        done += len(places)
        progress("training", (state.epoch + done / len(parts)) / plan.until)
    learner.eval()
