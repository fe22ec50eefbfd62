"""A snapshot for serving, put together of its parts; what did not change is taken over. Takes up to seconds for a large
catalogue, so it is made beside the requests, which use the one before meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from domain.merchandising import RuleSet
from ml.bandit.model import Posterior
from ml.bandit.score import scorer as bandit_scorer
from ml.nextitem.model import Config, NextItem, build
from ml.score.scorer import Scorer
from ml.sequences import Rows
from queries.recommend.assortment import Assortment
from queries.recommend.changes import Experiments
from queries.recommend.compiled import Compiled, compile
from queries.recommend.decision import Generations
from queries.recommend.serving import Explorer, Learned, Rowed, Serving, Trends
from queries.recommend.weights import USUAL, Weights
from readmodels.statistics import Statistics

#: So many of the most popular and of the newest are kept in order.
KEPT = 1_000
#: What rows are, and what they are ordered by: a count or a price changes none of it.
ORDERING = ("skus", "category", "introduced_ms")
PLAIN, UNSEEN, NOTHING = Config(), Statistics(), Assortment.empty()


@dataclass(frozen=True, slots=True)
class Model:
    """A blend artefact: its hash, its scorer, and the SKU of each of its rows."""

    digest: str
    scorer: Scorer
    skus: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bandit:
    """A posterior in use: its artefact's hash, the SKU of each arm, and the posterior itself."""

    digest: str
    skus: Sequence[str]
    posterior: Posterior


@dataclass(frozen=True, slots=True)
class Models:
    """What is in use of trained models."""

    config: Config = PLAIN
    blend: Model | None = None
    bandit: Bandit | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a snapshot is made of. ``digest``: of the statistics. ``config``: of the next-item model."""

    assortment: Assortment = NOTHING
    statistics: Statistics = UNSEEN
    digest: str = ""
    config: Config = PLAIN
    model: Model | None = None
    others: tuple[Model, ...] = ()
    bandit: Bandit | None = None
    rules: RuleSet | None = None
    experiments: Experiments | None = None
    experiments_digest: str = ""
    weights: Weights = USUAL


class Assembler:
    """Keeps what it made last, and of what ``parts``. To be used by one thread at a time."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.serving = Serving(NOTHING, trends_of(UNSEEN, NOTHING), newest(NOTHING))

    def assemble(self, parts: Parts) -> Serving:
        """The snapshot of these parts."""
        before, was = self.parts, self.serving
        moved = any(getattr(parts.assortment, each) is not getattr(before.assortment, each) for each in ORDERING)
        trends = was.trends
        if moved or parts.digest != before.digest or parts.config != before.config:
            trends = trends_of(parts.statistics, parts.assortment, parts.config)
        others = ((m, self._learned(m, was.others.get(m.digest), parts, moved)) for m in parts.others)
        self.serving = Serving(
            parts.assortment,
            trends,
            newest(parts.assortment) if moved else was.newest,
            self._learned(parts.model, was.learned, parts, moved),
            {model.digest: made for model, made in others if made is not None},
            self._explorer(parts, moved),
            self._rules(parts),
            parts.experiments,
            parts.weights,
            self._generations(parts),
        )
        self.parts = parts
        return self.serving

    def _learned(self, model: Model | None, was: Learned | None, parts: Parts, moved: bool) -> Learned | None:
        if model is None:
            return None
        if was is not None and was.digest == model.digest and not moved:
            return was
        return Learned(model.digest, model.scorer, rowed(model.skus, parts.assortment))

    def _explorer(self, parts: Parts, moved: bool) -> Explorer | None:
        bandit, was = parts.bandit, self.parts.bandit
        if bandit is None:
            return None
        if was is not None and was.digest == bandit.digest and not moved:
            return self.serving.explorer
        rows = rowed(bandit.skus, parts.assortment)
        sold = np.flatnonzero(rows.back >= 0).astype(np.int32)
        return Explorer(bandit_scorer(bandit.posterior), rows.back, sold, rows.of)

    def _rules(self, parts: Parts) -> Compiled | None:
        if parts.rules is None:
            return None
        if parts.rules is self.parts.rules and parts.assortment is self.parts.assortment:
            return self.serving.rules
        return compile(parts.rules, parts.assortment)

    def _generations(self, parts: Parts) -> Generations:
        return Generations(
            parts.assortment.position,
            parts.digest,
            parts.model.digest if parts.model else "",
            parts.bandit.digest if parts.bandit else "",
            parts.rules.digest if parts.rules else "",
            parts.experiments_digest,
            parts.weights.text(),
            config_text(parts.config),
        )


def config_text(config: Config) -> str:
    """Of the next-item model, what is not as usual, in one short line."""
    usual = msgspec.to_builtins(PLAIN)
    changed = {name: value for name, value in msgspec.to_builtins(config).items() if value != usual[name]}
    return msgspec.json.encode(changed).decode()


def config_of(text: str) -> Config:
    """What ``config_text`` was made of. Raises ValueError."""
    try:
        return msgspec.json.decode(text or "{}", type=Config)
    except msgspec.DecodeError as error:
        raise ValueError(f"statistics_config: {error}") from None


def trends_of(statistics: Statistics, assortment: Assortment, config: Config | None = None) -> Trends:
    """Of one published generation of statistics."""
    index = assortment.index
    kinds = {sku: assortment.name("category", index[sku]) for sku in statistics.skus if sku in index}
    model = build(statistics, kinds, config or Config())
    rows = rowed(model.skus, assortment)
    trending = rows.back[np.frombuffer(statistics.trending, "<i4")]
    return Trends(model, rows, popular(model, rows, assortment), trending[trending >= 0])


def popular(model: NextItem, rows: Rowed, assortment: Assortment) -> Rows:
    """Rows of the assortment, the most popular first; then what nobody has looked at yet, the newest first."""
    ties = assortment.tie[np.maximum(rows.back, 0)] if len(assortment.tie) else np.zeros(len(rows.back), np.uint64)
    order = np.lexsort((ties, -model.prior))[:KEPT]
    known = rows.back[order]
    known = known[known >= 0]
    fresh = newest(assortment)
    return np.concatenate((known, fresh[~np.isin(fresh, known)]))[:KEPT]


def newest(assortment: Assortment) -> Rows:
    """Rows, the latest to be introduced first; equal ones in canonical order."""
    order = np.lexsort((assortment.tie, -assortment.introduced_ms))[:KEPT]
    return order.astype(np.int32)


def rowed(own: Sequence[str], assortment: Assortment) -> Rowed:
    """Which row is which, by SKU."""
    index = assortment.index
    back = np.fromiter((index.get(sku, -1) for sku in own), np.int32, len(own))
    of = np.full(len(assortment.skus), -1, np.int32)
    known = np.flatnonzero(back >= 0).astype(np.int32)
    of[back[known]] = known
    return Rowed(of, back)
