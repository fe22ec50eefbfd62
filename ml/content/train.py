"""Training of the content model: who looked at these went on to that one, against what else was there to go to."""

import dataclasses
from collections.abc import Callable

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.content.cold import Cold, recall_at_20, remove
from ml.content.model import Config, ContentModel, Tower
from ml.content.score import Content, TowerWeights, item_vectors
from ml.neural.arrays import array
from ml.neural.continuing import Start, Taught, rest_of, restore
from ml.neural.training import Checkpoints, Plan, fit
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Attributes

Measure = Callable[[Content], float]
REMOVED_TO_CHOOSE = 0.1


class NoAttributesError(ValueError):
    """There is nothing to tell items by."""


def train(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Measure | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Content, int]:
    """As ``teach``; the model and the epochs that were kept."""
    taught = teach(lessons, seed, progress, config, measure, checkpoints)
    return taught.model, taught.epochs


def teach(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Measure | None = None,
    checkpoints: Checkpoints | None = None,
    start: Start[Content] | None = None,
) -> Taught[Content]:
    """Trains on every item of each sequence but the first, from ``start`` on if there is one.

    ``measure`` and ``checkpoints``: see ``ml.neural.training.fit``. Raises NoAttributesError.
    """
    config, attributes = config or Config(), _attributes(lessons)
    torch.manual_seed(seed)
    model = ContentModel(attributes, config)
    if start is not None:
        take_up(model, start)
    loss = Loss(model, np.bincount(lessons.sequences.items, minlength=lessons.items))
    plan = Plan(config.epochs, config.until or config.epochs, config.clicks, config.window, config.rate, config.decay)
    look = (lambda: measure(ready(model, attributes))) if measure else None
    epochs = fit(model, loss, lessons.sequences, plan, seed, progress, look, checkpoints)
    if start is None:
        forget_untaught(model, np.unique(lessons.sequences.items))
    return Taught(ready(model, attributes), epochs, rest_of(model, _rows(model)))


@torch.no_grad()
def take_up(model: ContentModel, start: Start[Content]) -> None:
    """Sets a new learner's weights; codes and corrections that the model does not know begin as zeros. Raises
    ValueError where the rest is not of such a learner."""
    state, known = model.state_dict(), np.flatnonzero(start.places >= 0)
    for number, (name, codes) in enumerate(zip(model.names, model.codes, strict=True)):
        table = start.model.tables.get(name, np.zeros((0, model.config.width), np.float32))
        rows = np.zeros((len(codes), model.config.width), np.float32)
        rows[codes < len(table)] = table[codes[codes < len(table)]]
        state[f"tables.{number}"][:] = torch.from_numpy(rows)
    if model.config.corrected and start.model.corrections is not None:
        state["corrections"][known] = torch.from_numpy(np.asarray(start.model.corrections)[start.places[known]])
    restore(model, state, start.rest, _rows(model))


def _rows(model: ContentModel) -> tuple[str, ...]:
    return ("corrections", *(f"tables.{number}" for number in range(len(model.names))))


def learn(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    kept: Callable[[str], Checkpoints | None] = lambda name: None,
) -> tuple[Content, int]:
    """Trains without a tenth of the items for as long as these are found the better for it, then on all as long.

    ``kept``: the checkpoints of each of the two, by its name. Raises NoAttributesError.
    """
    config = config or Config()
    cold = remove(lessons.sequences, lessons.items, seed, REMOVED_TO_CHOOSE)
    fewer = dataclasses.replace(lessons, sequences=cold.lessons)
    _, epochs = train(fewer, seed, progress, config, lambda content: found_cold(content, cold), kept("content-without"))
    whole = msgspec.structs.replace(config, until=epochs)
    return train(lessons, seed, progress, whole, checkpoints=kept("content-whole"))


def found_cold(content: Content, cold: Cold) -> float:
    """Recall@20 of the removed items among themselves."""
    return recall_at_20(content.users(cold.asked.history) @ content.items[cold.removed].T, cold)


class Loss:
    """Cross entropy of the item that came, against the items of the batch and some drawn evenly, all with the logQ
    correction for how they came to be there (Yi et al., RecSys 2019). A person's other items are not held against them.
    """

    def __init__(self, model: ContentModel, counts: NDArray[np.int64]) -> None:
        self._model = model
        self._counts = counts
        self._share = counts / max(int(counts.sum()), 1)
        self._taught = np.flatnonzero(counts)

    def __call__(self, clicks: Tensor, owners: Tensor, random: np.random.Generator) -> Tensor:
        """``clicks`` (B, T + 1) item rows, -1 pads on the right."""
        model, real = self._model, clicks >= 0
        among, expected = self._candidates(clicks[real].numpy(), random)
        places = torch.searchsorted(among, clicks.clamp(min=0))
        vectors = model.items(among)
        seen = model.looked_at(vectors, among)[places[:, :-1]]
        asked = real[:, 1:]
        users = model.users(seen)[asked]
        targets = places[:, 1:][asked]
        own = torch.zeros(len(clicks), len(among), dtype=torch.bool)
        own[real.nonzero()[:, 0], places[real]] = True
        hidden = own[asked.nonzero()[:, 0]]
        hidden[torch.arange(len(targets)), targets] = False
        logits = model.scale() * users @ vectors.T - expected
        return torch.nn.functional.cross_entropy(logits.masked_fill(hidden, -torch.inf), targets)

    def _candidates(self, present: NDArray[np.int64], random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Items (K,), ascending, and the logarithm of how probably each is among them (K,)."""
        drawn = self._model.config.negatives
        if not drawn or drawn >= len(self._taught):
            return torch.from_numpy(self._taught), torch.zeros(len(self._taught))
        evenly = random.choice(self._taught, drawn, replace=False)
        among = np.union1d(present, evenly)
        absent = len(present) * np.log1p(-np.minimum(self._share[among], 0.999999))
        inside = -np.expm1(absent + np.log1p(-drawn / len(self._taught)))
        return torch.from_numpy(among), torch.from_numpy(np.log(inside).astype(np.float32))


@torch.no_grad()
def forget_untaught(model: ContentModel, items: NDArray[np.integer]) -> None:
    """Codes that no item of the lessons has are as good as missing: their rows, still random, become zeros."""
    for table, field in zip(model.tables, model.fields, strict=True):
        owners = np.repeat(np.arange(len(field.indptr) - 1), np.diff(field.indptr))
        taught = np.zeros(field.size, bool)
        taught[field.codes[np.isin(owners, items)]] = True
        table[torch.from_numpy(~taught)] = 0


@torch.no_grad()
def ready(model: ContentModel, attributes: Attributes) -> Content:
    """The weights as numpy arrays."""
    content = Content(
        model.config.window,
        float(model.scale()),
        model.full_tables(),
        _tower(model.item_tower),
        _tower(model.user_tower),
        array(model.attention),
        array(model.ago),
        array(model.corrections[:-1]) if model.config.corrected else None,
        np.zeros((0, model.config.width), np.float32),
    )
    return dataclasses.replace(content, items=item_vectors(content, attributes))


def _tower(tower: Tower) -> TowerWeights:
    first, last = tower.first, tower.last
    return TowerWeights(array(first.weight.T), array(first.bias), array(last.weight.T), array(last.bias))


def _attributes(lessons: Lessons) -> Attributes:
    if lessons.attributes is None or not any(len(field.codes) for field in lessons.attributes.fields.values()):
        raise NoAttributesError("the content model learns from attributes of items, and there are none")
    return lessons.attributes
