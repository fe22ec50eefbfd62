"""Training of NCF, and its weights as serving wants them."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.ncf.classic import NcfClassic
from ml.ncf.model import Config, NcfModel
from ml.ncf.score import Ncf
from ml.neural.arrays import array
from ml.neural.continuing import Start, Taught, rest_of, take_up
from ml.neural.softmax import Negatives, asked, bpr_loss, full_loss, pairwise, sampled_loss
from ml.neural.training import Checkpoints, Plan, fit
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats

Trained = Ncf | NcfClassic


def train(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Callable[[Trained], float] | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Trained, int]:
    """As ``teach``; the model and the epochs that were kept."""
    taught = teach(lessons, seed, progress, config, measure, checkpoints)
    return taught.model, taught.epochs


def teach(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Callable[[Trained], float] | None = None,
    checkpoints: Checkpoints | None = None,
    start: Start[Ncf] | None = None,
) -> Taught[Trained]:
    """Trains on every item of each sequence but the first, from ``start`` on if there is one.

    ``measure`` and ``checkpoints``: see ``ml.neural.training.fit``.
    """
    config = config or Config()
    torch.manual_seed(seed)
    classic = config.users == "embedding"
    model = NcfModel(lessons.items, config, len(lessons.sequences) if classic else 0)
    if start is not None:
        take_up(model, start)
    counts = np.bincount(lessons.sequences.items, minlength=lessons.items)
    negatives = Negatives(counts, config.negatives, config.power) if config.negatives else None

    compared = Negatives(counts, config.compared, config.power)

    def loss(clicks: Tensor, owners: Tensor, random: np.random.Generator) -> Tensor:
        real, wanted, latest = asked(clicks, lessons.hidden)
        users = model(clicks[:, :-1])[real]
        if classic:
            users = torch.cat([users, model.person(owners)[real.nonzero()[:, 0]]])
            wanted, latest = wanted.repeat(2), None if latest is None else latest.repeat(2)
        if config.loss == "bpr":
            plain = bpr_loss(users, wanted, model.logits, negatives or compared, random, latest)
        elif negatives is None:
            plain = full_loss(users, wanted, model.logits, latest)
        else:
            plain = sampled_loss(users, wanted, model.logits, negatives, random, latest)
        return plain + whole_loss(model, users, wanted, compared, random)

    plan = Plan(config.epochs, config.until or config.epochs, config.clicks, config.window, config.rate, config.decay)
    known = lessons.sequences.lengths > 1

    def made() -> Trained:
        return NcfClassic(ready(model), people(model, known)) if classic else ready(model)

    look = (lambda: measure(made())) if measure else None
    epochs = fit(model, loss, lessons.sequences, plan, seed, progress, look, checkpoints)
    return Taught(made(), epochs, {} if classic else rest_of(model))


def whole_loss(
    model: NcfModel, users: Tensor, wanted: Tensor, negatives: Negatives, random: np.random.Generator
) -> Tensor:
    """Cross entropy of bias + dot + MLP, of each target against items drawn for the whole batch, corrected for how they
    were drawn; or BPR of the same. Hard negatives would teach the MLP that what ranks high is wrong. Only the MLP
    learns from it."""
    drawn, expected = negatives.draw(random)
    users = users.detach()
    ranked = model.config.loss == "bpr"
    with torch.no_grad():
        own, others = model.unit(wanted), model.unit(drawn)
        first = model.config.scale * (users * own).sum(-1) + model.bias[wanted]
        rest = model.config.scale * users @ others.T + model.bias[drawn]
        if not ranked:
            first, rest = first - negatives.expected(wanted.numpy()), rest - expected
        rest = rest.masked_fill(drawn[None] == wanted[:, None], -torch.inf)
    first, rest = first[:, None] + model.mlp(users, own[:, None]), rest + model.mlp(users, others)
    if ranked:
        return pairwise(first, rest, drawn[None] != wanted[:, None])
    logits = torch.cat([first, rest], dim=1)
    return torch.nn.functional.cross_entropy(logits, torch.zeros(len(wanted), dtype=torch.long))


@torch.no_grad()
def people(model: NcfModel, known: NDArray[np.bool_]) -> Floats:
    """(P, D) unit vectors of persons; zeros for those who are not ``known`` (P,), of whom nothing was learnt."""
    return np.where(known[:, None], array(torch.nn.functional.normalize(model.people.weight, dim=-1)), np.float32(0))


@torch.no_grad()
def ready(model: NcfModel) -> Ncf:
    """The weights as numpy arrays; the item half of the MLP's first layer is worked out beforehand."""
    items = model.unit(None)
    return Ncf(
        model.config.window,
        model.config.scale,
        array(items),
        array(model.item_half(items)),
        array(model.ago),
        array(model.fit.weight.T),
        array(model.recent.weight.T),
        array(model.centroid.weight.T),
        array(model.user_half.weight.T),
        array(model.user_half.bias),
        array(model.inner.weight.T),
        array(model.inner.bias),
        array(model.last.weight[0]),
        array(model.bias),
    )
