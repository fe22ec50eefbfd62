"""Training of the session model, and its weights as serving wants them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ml.neural.arrays import array
from ml.neural.continuing import Start, Taught, rest_of, take_up
from ml.neural.softmax import Negatives, asked, full_loss, sampled_loss
from ml.neural.training import Checkpoints, Plan, fit
from ml.ranker import Lessons, Progress, silent
from ml.session.model import Config, SessionModel
from ml.session.score import Session


def train(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Callable[[Session], float] | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Session, int]:
    """As ``teach``; the model and the epochs that were kept."""
    taught = teach(lessons, seed, progress, config, measure, checkpoints)
    return taught.model, taught.epochs


def teach(
    lessons: Lessons,
    seed: int = 0,
    progress: Progress = silent,
    config: Config | None = None,
    measure: Callable[[Session], float] | None = None,
    checkpoints: Checkpoints | None = None,
    start: Start[Session] | None = None,
) -> Taught[Session]:
    """Trains on every item of each sequence but the first, from ``start`` on if there is one.

    ``measure`` and ``checkpoints``: see ``ml.neural.training.fit``.
    """
    config = config or Config()
    torch.manual_seed(seed)
    model = SessionModel(lessons.items, config)
    if start is not None:
        take_up(model, start)
    counts = np.bincount(lessons.sequences.items, minlength=lessons.items)
    negatives = Negatives(counts, config.negatives, config.power) if config.negatives else None

    def loss(clicks: Tensor, owners: Tensor, random: np.random.Generator) -> Tensor:
        real, targets, latest = asked(clicks, lessons.hidden)
        vectors = model(clicks[:, :-1])[real]
        if negatives is None:
            return full_loss(vectors, targets, model.logits, latest)
        return sampled_loss(vectors, targets, model.logits, negatives, random, latest)

    plan = Plan(config.epochs, config.until or config.epochs, config.clicks, config.window, config.rate, config.decay)
    look = (lambda: measure(ready(model))) if measure else None
    epochs = fit(model, loss, lessons.sequences, plan, seed, progress, look, checkpoints)
    return Taught(ready(model), epochs, rest_of(model))


@torch.no_grad()
def ready(model: SessionModel) -> Session:
    """The weights as numpy arrays; what is constant for an item is worked out beforehand."""
    rows = torch.nn.functional.normalize(model.items.weight[:-1], dim=-1)
    weights, width = dict(model.gru.named_parameters()), model.config.width
    bias_in, bias_hidden = weights["bias_ih_l0"], weights["bias_hh_l0"]
    bias = bias_in + torch.cat([bias_hidden[: 2 * width], torch.zeros(width)])
    return Session(
        model.config.window,
        model.config.scale,
        array(rows),
        array(rows @ weights["weight_ih_l0"].T + bias),
        array(weights["weight_hh_l0"].T),
        array(bias_hidden[2 * width :]),
        array(model.query.weight.T),
        array(model.query.bias),
        array(model.key.weight.T),
        array(model.energy.weight[0]),
        array(model.out.weight.T),
        array(model.bias),
    )
