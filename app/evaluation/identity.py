"""How well records of one person are found, on a user's own file whose truth is known."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from adapters.datasets.people import Asked, People, people
from adapters.splink import baseline, engine
from adapters.splink.engine import Pairs
from ml.identity.cluster import ASKED, Pair, automatic_weight, clusters, conflict_of
from ml.identity.graph import Graph
from ml.identity.metrics import Quality, pairs_of, quality
from ml.identity.model import weight_of
from ml.identity.score import Scorer

#: Thresholds that are tried against the truth, in bits.
TRIED = np.arange(-5.0, 30.1, 0.5)
Step = Callable[[str], Callable[[float], None]]
Conflicts = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """``best`` at the ``threshold`` (bits) of the highest F1, which only the truth can tell; ``automatic`` at the one
    that is used, and ``asked`` with all that a person would be asked about, too."""

    best: Quality
    threshold: float
    automatic: Quality
    asked: Quality
    same: bool
    splink_f1: float | None
    records: int
    people: int
    compared: int
    seconds: float
    version: str
    columns: dict[str, str]


def evaluate(paths: Sequence[Path], asked: Asked, step: Step, seed: int = 1, *, rival: bool = True) -> Found:
    """Trains without the truth, links, then looks at it. Raises ValueError, MissingPackageError."""
    reading = step("reading")
    told = people(paths, asked)
    reading(1.0)
    files = told.files if len(paths) > 1 else None
    began = time.monotonic()
    step("training")
    model = engine.train(told.records, files, seed)
    step("linking")
    pairs = engine.score(told.records, model, files)
    scorer = Scorer(model)
    conflicts = _conflicts(told, scorer)
    automatic = _clusters(pairs, automatic_weight(), conflicts)
    seconds = time.monotonic() - began
    step("one record at a time")
    same = _incremental(told, scorer, files, seed) == automatic
    step("measuring")

    def measured(threshold: float) -> Quality:
        return quality(told.truth, _clusters(pairs, threshold, conflicts), files)

    best, threshold = max(((measured(float(t)), float(t)) for t in TRIED), key=lambda each: (each[0].f1, each[1]))
    step("Splink's own way")
    theirs = baseline.score(told.records, files, seed) if rival else None
    return Found(
        best=best,
        threshold=threshold,
        automatic=quality(told.truth, automatic, files),
        asked=measured(weight_of(ASKED)),
        same=same,
        splink_f1=_best_f1(theirs, told, files) if theirs else None,
        records=len(told.records),
        people=len(set(told.truth)),
        compared=len(pairs.one),
        seconds=seconds,
        version=model.version,
        columns=dict(told.columns),
    )


def _conflicts(told: People, scorer: Scorer) -> Conflicts:
    conflict = conflict_of(scorer)

    @cache
    def conflicts(one: int, other: int) -> bool:
        return conflict(told.records[one], told.records[other])

    return lambda one, other: conflicts(min(one, other), max(one, other))


def _clusters(pairs: Pairs, threshold: float, conflicts: Conflicts) -> list[tuple[int, ...]]:
    chosen = pairs.weight >= threshold
    each = zip(pairs.one[chosen].tolist(), pairs.other[chosen].tolist(), pairs.weight[chosen].tolist(), strict=True)
    return clusters((Pair(*pair) for pair in each), conflicts)


def _incremental(told: People, scorer: Scorer, files: Sequence[int] | None, seed: int) -> list[tuple[int, ...]]:
    """In an order drawn at random, each record linked as it comes by the scorer of single pairs."""
    order = list(range(len(told.records)))
    random.Random(seed).shuffle(order)

    def across(one: int, other: int) -> bool:
        return files is None or files[one] != files[other]

    graph = Graph(scorer, conflict_of(scorer), automatic_weight(), across)
    for place in order:
        graph.add(place, told.records[place])
    return graph.persons()


def _best_f1(pairs: Pairs, told: People, files: Sequence[int] | None) -> float:
    """The highest F1 of pairs at any threshold, or, where that is more, of what hangs together by them."""
    truth = np.unique(np.array(told.truth), return_inverse=True)[1]
    total = pairs_of(truth.tolist(), files)
    order = np.argsort(-pairs.weight)
    right = np.cumsum((truth[pairs.one] == truth[pairs.other])[order])
    of_pairs = 2 * right / (np.arange(1, len(order) + 1) + total)
    joined = (_clusters(pairs, float(t), lambda one, other: False) for t in TRIED)
    return max(float(of_pairs.max(initial=0.0)), *(quality(told.truth, each, files).f1 for each in joined))
