"""Training: which configuration predicts the latest sessions best."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from msgspec.structs import astuple, replace

from ml.nextitem.evaluate import Ranking, evaluate
from ml.nextitem.model import Config, build
from readmodels.statistics import Statistics

DECAYS = (0.0, 0.2, 0.4)
BACKWARDS = (0.0, 0.3, 0.6)
AFFINITIES = (0.0, 0.5)


def candidates(near: Config | None = None) -> Iterator[Config]:
    """The configurations that are tried: all, or ``near`` itself and those that differ from it in one place."""
    if near is not None:
        yield near
    for decay, backward, affinity in product(DECAYS, BACKWARDS, AFFINITIES):
        config = replace(Config(), decay=decay, backward=backward, affinity=affinity)
        if near is None or sum(a != b for a, b in zip(astuple(config), astuple(near), strict=True)) == 1:
            yield config


def train(
    statistics: Statistics,
    categories: Mapping[str, str | None],
    later: Sequence[Sequence[str]],
    progress: Callable[[], None] = lambda: None,
    *,
    near: Config | None = None,
    measured: Callable[[Config, Ranking], None] = lambda config, ranking: None,
) -> tuple[Config, Ranking]:
    """The configuration with the best HR@20 + MRR@20 on ``later`` sessions, none of which is in ``statistics``.

    Without later sessions ``near``, or the default, is kept. ``measured`` is told of each configuration tried.
    """
    best: tuple[Config, Ranking] = near or Config(), Ranking(0.0, 0.0, 0)
    for config in candidates(near):
        ranking = evaluate(build(statistics, categories, config), later)
        measured(config, ranking)
        if ranking.hr_at_20 + ranking.mrr_at_20 > best[1].hr_at_20 + best[1].mrr_at_20:
            best = config, ranking
        progress()
    return best
