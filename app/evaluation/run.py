"""Training models on a task, and measuring each once on its test."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation.formats import Files, load
from app.evaluation.kept import Work
from app.evaluation.measured import Measured, measured
from app.evaluation.names import BLEND, GIVEN
from ml.blend.contexts import Context
from ml.blend.gather import Member
from ml.blend.score import Blend
from ml.blend.train import Learned, weigh_members
from ml.evaluation.ranking import rank
from ml.evaluation.task import Task
from ml.ranker import Ranker
from ml.recipes import RECIPES, Fitted, Kept, Made, NotForThisError, nowhere

QUICK_QUERIES = 2_000
#: Of the blend whose weights are given.
SHARES = {"ncf": 0.7, "content": 0.2}
#: Shows a step by its words; the function given is told which part of it is done.
Steps = Callable[[str], Callable[[float], None]]


def next_item(files: Files, models: Sequence[str], seed: int, quick: bool, steps: Steps) -> list[Measured]:
    """Trains and measures ``models``. Raises ValueError naming file and line, NotForThisError."""
    steps("reading")(0.0)
    return evaluate(load(files), models, seed, quick, steps)


def evaluate(
    task: Task, models: Sequence[str], seed: int, quick: bool, steps: Steps, work: Work | None = None
) -> list[Measured]:
    """The same on a task that is read already. Models are trained once, whoever uses them; what ``work`` knows is not
    done again. Raises NotForThisError, OSError."""
    kitchen = Kitchen(task, seed, quick, steps, partial(work.checkpoints, seed) if work else nowhere)
    return [_measured(kitchen, task, model, seed, work) for model in models]


def _measured(kitchen: "Kitchen", task: Task, model: str, seed: int, work: Work | None) -> Measured:
    known = work.find(task, seed, model) if work else None
    if known is not None:
        return known
    done = kitchen.measured(model)
    if work:
        work.keep(seed, done, kitchen.asked())
    return done


class Kitchen:
    """Keeps what is trained already. ``kept``: where the states of trainings are, if anywhere."""

    def __init__(self, task: Task, seed: int, quick: bool, steps: Steps, kept: Kept = nowhere) -> None:
        self._task, self._seed, self._quick, self._steps = task, seed, quick, steps
        self._kept = kept
        self._fitted: dict[str, Fitted] = {}
        self._final: dict[str, Made] = {}
        self._seconds: dict[str, float] = {}

    def measured(self, name: str) -> Measured:
        """Trains a model, and asks it all. Raises NotForThisError."""
        begun = time.monotonic()
        model, notes = self._model(name)
        train_s = self._seconds.get(name, time.monotonic() - begun)
        queries = self._task.queries.take(self.asked())
        tell, done = self._steps(f"{name}: predicting"), 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            tell(done / len(queries))

        begun = time.monotonic()
        ranked = rank(model, queries, more)
        return measured(name, ranked, self._task, train_s, time.monotonic() - begun, notes)

    def asked(self) -> NDArray[np.int64]:
        """Which of the task's queries are asked: some of them alone in a hurry."""
        count = len(self._task.queries)
        return np.arange(0, count, -(-count // QUICK_QUERIES) if self._quick and count > QUICK_QUERIES else 1)

    def _model(self, name: str) -> tuple[Ranker, Mapping[str, Any]]:
        if name == BLEND:
            blend, _, notes = self.blend()
            return blend, notes
        if name == GIVEN:
            return self._given()
        return self._trained(name), self._fitted_of(name).notes

    def _given(self) -> tuple[Blend, Mapping[str, Any]]:
        """The blend of given weights. Raises NotForThisError where its first member cannot be trained."""
        weights = {name: weight for name, weight in SHARES.items() if name == "ncf" or self._task.lessons.attributes}
        members = [Member(name, RECIPES[name].form, RECIPES[name].floor) for name in weights]
        models = {name: self._trained(name) for name in weights}
        return Blend(models, members, np.tile(list(weights.values()), (len(Context), 1))), {"weights": weights}

    def _fitted_of(self, name: str) -> Fitted:
        if name not in self._fitted:
            begun, tell = time.monotonic(), self._steps(f"{name}: training on what came earlier")
            fit = RECIPES[name].fit
            self._fitted[name] = fit(
                self._task, self._seed, lambda words, part: tell(part), quick=self._quick, kept=self._kept
            )
            self._seconds[name] = time.monotonic() - begun
        return self._fitted[name]

    def _trained(self, name: str) -> Ranker:
        if name not in self._final:
            fitted = self._fitted_of(name)
            begun = time.monotonic()
            self._steps(f"{name}: training on everything")(0.0)
            self._final[name] = fitted.final()
            self._seconds[name] += time.monotonic() - begun
        return self._final[name].model

    def made(self) -> Mapping[str, Made]:
        """The models that were trained on everything, with what it takes to go on from them."""
        return self._final

    def blend(self) -> tuple[Blend, Blend, Mapping[str, Any]]:
        """The blend; the same of models that learned from what came earlier alone; and what is said of its members."""
        left_out, members = dict[str, str](), list[Member]()
        for name, recipe in RECIPES.items():
            if recipe.alone:
                continue
            try:
                self._fitted_of(name)
                members.append(Member(name, recipe.form, recipe.floor))
            except NotForThisError as error:
                left_out[name] = str(error)
        self._steps(f"{BLEND}: weighing its members")(0.0)
        earlier = {member.name: self._fitted[member.name].earlier for member in members}
        learned = weigh_members(earlier, members, self._task.later, self._seed)
        models = {m.name: self._trained(m.name) for m, used in zip(members, learned.used, strict=True) if used}
        return (
            Blend(models, learned.members, learned.weights, learned.calibration),
            Blend(earlier, learned.members, learned.weights, learned.calibration),
            _notes(learned, left_out),
        )


def _notes(learned: Learned, left_out: Mapping[str, str]) -> dict[str, Any]:
    """What a blend's artefact says of its members."""
    return {
        "weights": {
            member.name: [round(float(weight), 4) for weight in learned.weights[:, column]]
            for column, member in enumerate(learned.members)
        },
        "worth": {
            each.member: {
                "ndcg@10": round(each.gain.value, 5),
                "low": round(each.gain.low, 5),
                "high": round(each.gain.high, 5),
                "kept": each.kept,
            }
            for each in learned.worths
        },
        "ece": round(learned.ece, 4),
        "reliability": [[round(said, 5), round(came, 5)] for said, came in learned.reliability],
        "left out": dict(left_out),
    }
