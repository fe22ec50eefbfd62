"""Every model that can be trained, by its name: how, for how long, and on what scale its scores are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from math import log
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

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
#: NCF's, where sequences are sessions and not all of a person.
SESSION_DROPOUT = 0.5
#: What the rate of learning is multiplied with, when a model goes on.
SLOWER = 0.25


C = TypeVar("C", bound=msgspec.Struct, contravariant=True)


class NotForThisError(ValueError):
    """The model cannot learn from this data; the text says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """A model; the configuration that it was ``trained_with``, in plain JSON; and the ``rest`` that it takes, beside
    the model, to go on from it."""

    model: Ranker
    trained_with: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """``earlier``: trained on the earlier lessons alone. ``final()``: the same way on all of them. ``notes``: what was
    chosen on the later ones."""

    earlier: Ranker
    final: Callable[[], Made]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class More:
    """What there is to learn since a model was made: ``lessons`` all, ``new`` those that it has not had. ``places``
    (N,): the row in the model of each of today's items, -1 for new ones."""

    lessons: Lessons
    new: Lessons
    places: NDArray[np.int64]


class Fit(Protocol):
    """Chooses on what came later how to train. Raises NotForThisError."""

    def __call__(self, task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = ...) -> Fitted: ...


class Again(Protocol):
    """Brings a model up to date without choosing anew. Raises NotForThisError."""

    def __call__(self, made: Made, more: More, seed: int, progress: Progress, kept: "Checkpoints | None") -> Made: ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """``form`` and ``floor``: see ``ml.blend.forms``. ``alone``: it is no member of the blend unless asked for."""

    fit: Fit
    form: Form
    again: Again
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
        for name, values in alternatives.items() if not quick else ():
            for other in values:
                tried = replace(best, **{name: other})
                candidate = train(task.earlier, seed, progress, tried)
                if (better := worth(candidate, task.later)) > value:
                    best, model, value = tried, candidate, better
        chosen = {field: float(getattr(best, field)) for field in alternatives}

        def final() -> Made:
            return Made(train(task.lessons, seed, progress, best), msgspec.to_builtins(best))

        return Fitted(model, final, chosen | {"worth": value})

    return fit


def recounted(train: Train[Any], kind: type[msgspec.Struct]) -> Again:
    """A model without epochs is counted anew, on all lessons."""

    def again(made: Made, more: More, seed: int, progress: Progress, kept: "Checkpoints | None" = None) -> Made:
        config = msgspec.convert(made.trained_with, kind)
        return Made(train(more.lessons, seed, progress, config), made.trained_with)

    return again


def continued(model: str) -> Again:
    """A model of ``ml.<model>`` goes once over the new lessons, at a lower rate. Needs torch. Raises ValueError where
    what was left beside the model is not of it."""

    def again(made: Made, more: More, seed: int, progress: Progress, kept: "Checkpoints | None" = None) -> Made:
        from ml.neural.continuing import Start

        module: Any = import_module(f"ml.{model}.train")
        config = msgspec.convert(made.trained_with, module.Config)
        once = replace(config, epochs=1, until=1, rate=config.rate * SLOWER)
        start = Start(made.model, dict(made.rest), more.places)
        taught = module.teach(more.new, seed, progress, once, None, kept, start)
        return Made(taught.model, made.trained_with, taught.rest)

    return again


def worth(model: Ranker, queries: Queries) -> float:
    """What choices are made by: NDCG@10 and MRR@20 together, on some evenly spread queries."""
    step = max(1, len(queries) // LOOKED_AT)
    found = means(by_query(rank(model, queries.take(slice(None, None, step)))))
    return found["ndcg@10"] + found["mrr@20"]


def neural(model: str, *, sized: bool = True, name: str | None = None, **fixed: Any) -> Fit:
    """A model of ``ml.<model>``, trained for as many epochs as help. ``sized``: see ``for_size``; ``fixed``: what its
    configuration has to be; ``name`` where that is not the model's. Needs torch."""

    def fit(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
        try:
            import torch  # noqa: F401
        except ImportError:
            raise NotForThisError(f"{model} needs torch: pip install 'bespoke[train]'") from None
        module: Any = import_module(f"ml.{model}.train")
        config = replace(module.Config(), **fixed)
        config = for_size(config, task.lessons.items) if sized else config
        if quick:
            config = replace(config, epochs=QUICK_EPOCHS, width=QUICK_WIDTH)
        curve: list[float] = []
        told = msgspec.to_builtins(config)

        def look(trained: Ranker) -> float:
            curve.append(worth(trained, task.later))
            return curve[-1]

        earlier, epochs = module.train(
            task.earlier,
            seed,
            progress,
            config,
            look,
            kept(f"{name or model}-earlier"),
        )

        def final() -> Made:
            whole = replace(config, until=epochs)
            taught = module.teach(task.lessons, seed, progress, whole, None, kept(f"{name or model}-final"))
            return Made(taught.model, told, taught.rest)

        return Fitted(earlier, final, {"epochs": epochs, "curve": [round(value, 5) for value in curve]})

    return fit


def described(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """The content model, where items have attributes."""
    if task.lessons.attributes is None:
        raise NotForThisError("content is left out: there are no attributes of items")
    return neural("content", sized=False)(task, seed, progress, quick=quick, kept=kept)


def collaborative(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """NCF; of sessions it soon learns by heart what stood beside what, so that more is left out there."""
    fixed: dict[str, Any] = {} if task.lessons.personal else {"dropout": SESSION_DROPOUT}
    return neural("ncf", **fixed)(task, seed, progress, quick=quick, kept=kept)


def personal(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """NCF with a row for each person, where sequences are of persons who come again."""
    if not task.lessons.personal:
        raise NotForThisError("ncf-classic is left out: it has a row for each person, and these sessions are nobody's")
    classic = neural("ncf", name="ncf-classic", users="embedding")
    return classic(task, seed, progress, quick=quick, kept=kept)


def never_again(made: Made, more: More, seed: int, progress: Progress, kept: "Checkpoints | None" = None) -> Made:
    """Persons are numbered anew in each training. Raises NotForThisError."""
    raise NotForThisError("ncf-classic knows persons by number, and is trained in full alone")


def for_size(config: Any, items: int) -> Any:
    """The scale of the cosines grows with the logarithm of the catalogue, as the softmax has so many items to outweigh;
    in a large one it is over a sample."""
    return replace(config, negatives=SAMPLED if items > SAMPLED_ABOVE else 0, scale=round(4 + log(items), 2))


def limited(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """EASE, where the catalogue is small enough for it."""
    if task.lessons.items > ease.MOST_ITEMS:
        raise NotForThisError(f"EASE is left out: {task.lessons.items:,} items are more than {ease.MOST_ITEMS:,}")
    return counted(ease.train, ease.Config(), ridge=(10.0, 50.0, 1000.0))(task, seed, progress, quick=quick, kept=kept)


def limited_again(made: Made, more: More, seed: int, progress: Progress, kept: "Checkpoints | None" = None) -> Made:
    """EASE, as long as the catalogue is small enough for it."""
    if more.lessons.items > ease.MOST_ITEMS:
        raise NotForThisError(f"EASE cannot stay: {more.lessons.items:,} items are more than {ease.MOST_ITEMS:,}")
    return recounted(ease.train, ease.Config)(made, more, seed, progress, kept)


def factorised(task: Task, seed: int, progress: Progress, *, quick: bool, kept: "Kept" = nowhere) -> Fitted:
    """iALS, where its library is installed."""
    if find_spec("implicit") is None:
        raise NotForThisError("iALS is left out: it needs the extra 'rivals' (implicit)")
    tried = {"confidence": (2.0, 50.0), "regularization": (0.5, 5.0)}
    return counted(ials.train, ials.Config(), **tried)(task, seed, progress, quick=quick, kept=kept)


RECIPES: dict[str, Recipe] = {
    "popularity": Recipe(
        counted(popularity.train, popularity.Config(), half_life=(0.02, 0.1, 1.0)),
        Form.SHARE,
        recounted(popularity.train, popularity.Config),
        1e-4,
    ),
    "itemknn": Recipe(
        counted(itemknn.train, itemknn.Config(), shrinkage=(2.0, 10.0)),
        Form.SHARE,
        recounted(itemknn.train, itemknn.Config),
        1e-3,
        alone=True,
    ),
    "ease": Recipe(limited, Form.SHARE, limited_again, 1e-3),
    "ials": Recipe(factorised, Form.SHARE, recounted(ials.train, ials.Config), 1e-3, alone=True),
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
        recounted(transitions.train, transitions.Config),
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
        recounted(vstan.train, vstan.Config),
        1e-3,
    ),
    "content": Recipe(described, Form.LOGIT, continued("content")),
    "session": Recipe(neural("session"), Form.LOGIT, continued("session")),
    "ncf": Recipe(collaborative, Form.LOGIT, continued("ncf")),
    "ncf-classic": Recipe(personal, Form.LOGIT, never_again, alone=True),
}
