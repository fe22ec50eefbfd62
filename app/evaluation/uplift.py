"""Who responds, on a user's own file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.datasets.table import Table, numeric, read
from app.evaluation.arms import control_of, counts_of
from ml.uplift.features import Floats, matrix
from ml.uplift.learners import LEARNERS, cross_fitted
from ml.uplift.qini import Qini, groups, qini

EXPLORATORY = (
    "Exploratory: a ranking that was learnt and looked at in one experiment. Before anybody is treated by it, "
    "show in an experiment of its own that it earns more than treating all or nobody."
)
Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    arm: str
    metric: str
    features: tuple[str, ...]
    control: str | None
    learners: tuple[str, ...]
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Found:
    """One arm by one learner. ``groups`` as ``ml.uplift.qini.groups`` gives them."""

    arm: str
    control: str
    learner: str
    units: int
    qini: Qini
    groups: list[tuple[float, float, float]]


def evaluate(path: Path, asked: Asked, reading: Step, ranking: Step) -> list[Found]:
    """Each arm against the control by each learner. Raises ValueError, MissingPackageError."""
    if {asked.arm, asked.metric} & set(asked.features):
        raise ValueError("--features: neither the arm nor the metric itself is one")
    numbers = numeric(path, asked.features)
    words = [name for name in asked.features if name not in numbers]
    table = read(path, [asked.arm, *words], [asked.metric, *numbers], reading)
    arms = table.words[asked.arm]
    counts_of(asked.arm, arms)
    control = control_of(arms.names, asked.control)
    features = _features(table, numbers, words)
    others = [name for name in arms.names if name != control]
    return [_one(table, features, asked, control, arm, by, ranking) for arm in others for by in asked.learners]


def _features(table: Table, numbers: list[str], words: list[str]) -> Floats:
    coded = [(table.words[name].codes, len(table.words[name].names)) for name in words]
    return matrix([table.numbers[name] for name in numbers], coded)


def _one(table: Table, features: Floats, asked: Asked, control: str, arm: str, learner: str, step: Step) -> Found:
    arms = table.words[asked.arm]
    treated = arms.where(arm)
    chosen = treated | arms.where(control)
    x, y, treated = features[chosen], table.numbers[asked.metric][chosen], treated[chosen]
    effects = cross_fitted(LEARNERS[learner], x, y, treated, asked.seed)
    found = qini(effects, y, treated, asked.draws, asked.seed, step)
    return Found(arm, control, learner, len(y), found, groups(effects, y, treated))
