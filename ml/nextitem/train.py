"""Training: which configuration predicts the latest sessions best."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from msgspec.structs import replace

from ml.nextitem.evaluate import Ranking, evaluate
from ml.nextitem.model import Config, build
from readmodels.statistics import Statistics

DECAYS = (0.0, 0.2, 0.4)
BACKWARDS = (0.0, 0.3, 0.6)
AFFINITIES = (0.0, 0.5)


def candidates() -> Iterator[Config]:
    """The configurations that are tried."""
    for decay, backward, affinity in product(DECAYS, BACKWARDS, AFFINITIES):
        yield replace(Config(), decay=decay, backward=backward, affinity=affinity)


def train(
    statistics: Statistics,
    categories: Mapping[str, str | None],
    later: Sequence[Sequence[str]],
    progress: Callable[[], None] = lambda: None,
) -> tuple[Config, Ranking]:
    """The configuration with the best HR@20 + MRR@20 on ``later`` sessions, none of which is in ``statistics``.

    Without later sessions the default is kept.
    """
    best: tuple[Config, Ranking] = Config(), Ranking(0.0, 0.0, 0)
    for config in candidates():
        ranking = evaluate(build(statistics, categories, config), later)
        if ranking.hr_at_20 + ranking.mrr_at_20 > best[1].hr_at_20 + best[1].mrr_at_20:
            best = config, ranking
        progress()
    return best
