"""Every model that can be trained, by its name: how, for how long, and on what scale its scores are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from math import log
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from ml.baselines import ease, ials, itemknn, popularity, transitions, vstan
from ml.blend.forms import Form
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.evaluation.task import Task
from ml.ranker import Lessons, Progress, Ranker
from ml.sequences import Queries

if TYPE_CHECKING:
    from ml.neural.training import Checkpoints

LOOKED_AT = 3_000
SAMPLED_ABOVE = 4_000
QUICK_EPOCHS = 2
QUICK_WIDTH = 32
SAMPLED = 1024


C = TypeVar("C", bound=msgspec.Struct, contravariant=True)


class NotForThisError(ValueError):
    """The model cannot learn from this data; the text says why."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """``earlier``: trained on the earlier lessons alone. ``final()``: the same way on all of them. ``notes``: what was
    chosen on the later ones."""

    earlier: Ranker
    final: Callable[[], Ranker]
    notes: Mapping[str, Any]


class Fit(Protocol):
    """Chooses on what came later how to train. Raises NotForThisError."""

    def __call__(self, task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = ...) -> Fitted: ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """``form`` and ``floor``: see ``ml.blend.forms``. ``alone``: it is no member of the blend unless asked for."""

    fit: Fit
    form: Form
    floor: float = 0.0
    alone: bool = False


#: Where a training of this name keeps its state, if anywhere.
Kept = Callable[[str], "Checkpoints | None"]


def nowhere(name: str) -> None:
    """Nothing is kept: after a kill, training starts anew."""


class Train(Protocol[C]):
    """Trains in one go."""

    def __call__(self, lessons: Lessons, seed: int, progress: Progress, config: C) -> Ranker: ...


def counted(train: Train[C], config: C, **alternatives: tuple[float, ...]) -> Fit:
    """A model without epochs. Of each field's ``alternatives`` the best on later data is taken, field by field."""

    def fit(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
        best = config
        model = train(task.earlier, seed, progress, best)
        value = worth(model, task.later)
        for field, values in alternatives.items() if not quick else ():
            for other in values:
                tried = replace(best, **{field: other})
                candidate = train(task.earlier, seed, progress, tried)
                if (better := worth(candidate, task.later)) > value:
                    best, model, value = tried, candidate, better
        chosen = {field: float(getattr(best, field)) for field in alternatives}
        return Fitted(model, lambda: train(task.lessons, seed, progress, best), chosen | {"worth": value})

    return fit


def worth(model: Ranker, queries: Queries) -> float:
    """What choices are made by: NDCG@10 and MRR@20 together, on some evenly spread queries."""
    step = max(1, len(queries) // LOOKED_AT)
    found = means(by_query(rank(model, queries.take(slice(None, None, step)))))
    return found["ndcg@10"] + found["mrr@20"]


def neural(model: str, *, sized: bool = True) -> Fit:
    """A model of ``ml.<model>``, trained for as many epochs as help. ``sized``: see ``for_size``. Needs torch."""

    def fit(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
        try:
            import torch  # noqa: F401
        except ImportError:
            raise NotForThisError(f"{model} needs torch: pip install 'bespoke[train]'") from None
        module: Any = import_module(f"ml.{model}.train")
        config = for_size(module.Config(), task.lessons.items) if sized else module.Config()
        if quick:
            config = replace(config, epochs=QUICK_EPOCHS, width=QUICK_WIDTH)
        curve: list[float] = []

        def look(trained: Ranker) -> float:
            curve.append(worth(trained, task.later))
            return curve[-1]

        earlier, epochs = module.train(
            task.earlier,
            seed,
            progress,
            config,
            look,
            kept(f"{model}-earlier"),
        )

        def final() -> Ranker:
            trained: Ranker = module.train(
                task.lessons, seed, progress, replace(config, until=epochs), None, kept(f"{model}-final")
            )[0]
            return trained

        return Fitted(earlier, final, {"epochs": epochs, "curve": [round(value, 5) for value in curve]})

    return fit


def described(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """The content model, where items have attributes."""
    if task.lessons.attributes is None:
        raise NotForThisError("content is left out: there are no attributes of items")
    return neural("content", sized=False)(task, seed, progress, quick=quick, kept=kept)


def for_size(config: Any, items: int) -> Any:
    """The scale of the cosines grows with the logarithm of the catalogue, as the softmax has so many items to outweigh;
    in a large one it is over a sample."""
    return replace(config, negatives=SAMPLED if items > SAMPLED_ABOVE else 0, scale=round(4 + log(items), 2))


def limited(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """EASE, where the catalogue is small enough for it."""
    if task.lessons.items > ease.MOST_ITEMS:
        raise NotForThisError(f"EASE is left out: {task.lessons.items:,} items are more than {ease.MOST_ITEMS:,}")
    return counted(ease.train, ease.Config(), ridge=(10.0, 50.0, 1000.0))(task, seed, progress, quick=quick, kept=kept)


def factorised(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """iALS, where its library is installed."""
    if find_spec("implicit") is None:
        raise NotForThisError("iALS is left out: it needs the extra 'rivals' (implicit)")
    tried = {"confidence": (2.0, 50.0), "regularization": (0.5, 5.0)}
    return counted(ials.train, ials.Config(), **tried)(task, seed, progress, quick=quick, kept=kept)


RECIPES: dict[str, Recipe] = {
    "popularity": Recipe(counted(popularity.train, popularity.Config(), half_life=(0.02, 0.1, 1.0)), Form.SHARE, 1e-4),
    "itemknn": Recipe(counted(itemknn.train, itemknn.Config(), shrinkage=(2.0, 10.0)), Form.SHARE, 1e-3, alone=True),
    "ease": Recipe(limited, Form.SHARE, 1e-3),
    "ials": Recipe(factorised, Form.SHARE, 1e-3, alone=True),
    "transitions": Recipe(
        counted(
            transitions.train,
            transitions.Config(),
            popular=(0.2, 0.35),
            backward=(0.2, 1.0),
            recency=(0.4, 0.8),
            decay=(0.5, 0.9),
        ),
        Form.SHARE,
        1e-3,
    ),
    "vstan": Recipe(
        counted(
            vstan.train,
            vstan.Config(),
            same=(0.0,),
            age=(0.0, 0.2),
            backward=(0.2, 1.0),
            distance=(1.0, 4.0),
            recency=(1.0, 4.0),
        ),
        Form.SHARE,
        1e-3,
    ),
    "content": Recipe(described, Form.LOGIT),
    "session": Recipe(neural("session"), Form.LOGIT),
    "ncf": Recipe(neural("ncf"), Form.LOGIT),
}
