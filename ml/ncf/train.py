"""Training of NCF, and its weights as serving wants them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ml.ncf.model import Config, NcfModel
from ml.ncf.score import Ncf
from ml.neural.arrays import array
from ml.neural.softmax import Negatives, asked, full_loss, sampled_loss
from ml.neural.training import Checkpoints, Plan, fit
from ml.ranker import Lessons, Progress, silent


def train(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Callable[[Ncf], float] | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Ncf, int]:
    """Trains on every item of each sequence but the first. Returns the epochs that were kept too.

    ``measure`` and ``checkpoints``: see ``ml.neural.training.fit``.
    """
    config = config or Config()
    torch.manual_seed(seed)
    model = NcfModel(lessons.items, config)
    counts = np.bincount(lessons.sequences.items, minlength=lessons.items)
    negatives = Negatives(counts, config.negatives, config.power) if config.negatives else None

    compared = Negatives(counts, config.compared, config.power)

    def loss(clicks: Tensor, random: np.random.Generator) -> Tensor:
        real, wanted, latest = asked(clicks, lessons.hidden)
        users = model(clicks[:, :-1])[real]
        if negatives is None:
            plain = full_loss(users, wanted, model.logits, latest)
        else:
            plain = sampled_loss(users, wanted, model.logits, negatives, random, latest)
        return plain + whole_loss(model, users, wanted, compared, random)

    plan = Plan(config.epochs, config.until or config.epochs, config.clicks, config.window, config.rate, config.decay)
    look = (lambda: measure(ready(model))) if measure else None
    epochs = fit(model, loss, lessons.sequences, plan, seed, progress, look, checkpoints)
    return ready(model), epochs


def whole_loss(
    model: NcfModel, users: Tensor, wanted: Tensor, negatives: Negatives, random: np.random.Generator
) -> Tensor:
    """Cross entropy of bias + dot + MLP, of each target against items drawn for the whole batch, corrected for how they
    were drawn. Hard negatives would teach the MLP that what ranks high is wrong. Only the MLP learns from it."""
    drawn, expected = negatives.draw(random)
    users = users.detach()
    with torch.no_grad():
        own, others = model.unit(wanted), model.unit(drawn)
        first = model.config.scale * (users * own).sum(-1) + model.bias[wanted] - negatives.expected(wanted.numpy())
        rest = model.config.scale * users @ others.T + model.bias[drawn] - expected
        rest = rest.masked_fill(drawn[None] == wanted[:, None], -torch.inf)
    logits = torch.cat([first[:, None] + model.mlp(users, own[:, None]), rest + model.mlp(users, others)], dim=1)
    return torch.nn.functional.cross_entropy(logits, torch.zeros(len(wanted), dtype=torch.long))


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
