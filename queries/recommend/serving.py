"""All that answers are made of at one moment, frozen. A request uses one from beginning to end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ml.bandit.context import Context
from ml.bandit.score import Moments, moments
from ml.bandit.score import Scorer as BanditScorer
from ml.nextitem.model import NextItem
from ml.score.scorer import Scorer
from ml.sequences import Rows
from queries.recommend.assortment import Assortment
from queries.recommend.changes import Experiments
from queries.recommend.compiled import Compiled
from queries.recommend.decision import OF_NOTHING, Generations
from queries.recommend.weights import USUAL, Weights

#: Of so many contexts the moments of a bandit's arms are kept: there are a few hundred that occur.
CONTEXTS = 512


@dataclass(frozen=True, slots=True)
class Rowed:
    """Something with rows of its own: ``of`` (N,) the row for each row of the assortment, -1 for none; ``back``: the
    row of the assortment for each of its own, -1 for none."""

    of: Rows
    back: Rows


@dataclass(frozen=True, slots=True)
class Trends:
    """Published statistics: ``model`` of what follows what; ``popular`` and ``trending``: rows of the assortment, the
    best first."""

    model: NextItem
    rows: Rowed
    popular: Rows
    trending: Rows


@dataclass(frozen=True, slots=True)
class Learned:
    """A blend artefact in use, and others that an arm may name by their digest."""

    digest: str
    scorer: Scorer
    rows: Rowed


@dataclass(frozen=True, slots=True)
class Explorer:
    """A bandit's posterior over items: ``rows`` (A,) of the assortment, -1 for what it does not know; ``sold``: arms
    that have a row; ``arm_of`` (N,): the arm of each row, -1 for none."""

    scorer: BanditScorer
    rows: Rows
    sold: Rows
    arm_of: Rows
    _moments: dict[int, Moments] = field(default_factory=dict, repr=False, compare=False)

    def moments(self, context: Context) -> Moments:
        """Mean and standard deviation (A,) of each arm's draw in a context, worked out once."""
        code = context.code
        found = self._moments.get(code)
        if found is None:
            if len(self._moments) >= CONTEXTS:
                self._moments.clear()
            found = self._moments[code] = moments(self.scorer, context.vector)
        return found


@dataclass(frozen=True, slots=True)
class Serving:
    """A snapshot. ``newest``: rows of the assortment, the latest to be introduced first."""

    assortment: Assortment
    trends: Trends
    newest: Rows
    learned: Learned | None = None
    others: Mapping[str, Learned] = field(default_factory=dict)
    explorer: Explorer | None = None
    rules: Compiled | None = None
    experiments: Experiments | None = None
    weights: Weights = USUAL
    generations: Generations = OF_NOTHING
    _of_category: dict[str, Rows] = field(default_factory=dict, repr=False, compare=False)

    def of_category(self, name: str, found: Callable[[], Rows]) -> Rows:
        """Candidates of a category that there is, ``found`` once."""
        rows = self._of_category.get(name)
        if rows is None:
            rows = found()
            if name in self.assortment.codes["category"]:
                self._of_category[name] = rows
        return rows
