"""Training: the log, folded in memory, chooses the model's configuration by the latest week's sessions."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from msgspec import to_builtins

from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.log import PostgresLog
from app.alone import alone as held_alone
from app.training.promoting import settle
from app.training.seen import Seen
from app.wiring import Wiring
from ml.artefacts import ArtefactError, Draft, Position, open_, write
from ml.gate import Worse
from ml.nextitem.data import Look, sessions
from ml.nextitem.evaluate import Ranking, evaluate
from ml.nextitem.model import KIND, Config, build
from ml.nextitem.train import candidates, train
from projections.statistics import count_session
from readmodels.statistics import Part, merge

LOGGER = logging.getLogger("bespoke.train")
DAY_MS = 86_400_000
Holds = Callable[[], object]
HELD_BACK_DAYS = 7
MOST_SESSIONS = 1_500
TRAINING_LOCK = 0x74726E67  # "trng": one training a namespace
CONFIGURATIONS = len(list(candidates()))


@dataclass(frozen=True, slots=True)
class Trained:
    """What training chose, how it did on the held-back week, the hash of the artefact, SKU → category, and why it is
    ``held``, if it is."""

    digest: str
    config: Config
    ranking: Ranking
    sessions: int
    categories: dict[str, str | None]
    held: list[Worse] = field(default_factory=list)


def run(
    wiring: Wiring,
    read: Callable[[int], None] = lambda n: None,
    tried: Callable[[], None] = lambda: None,
    *,
    increment: bool = False,
    force: bool = False,
) -> Trained:
    """Trains on what those did who may be learned from: on all but the latest week, chooses on that week, stores the
    artefact and puts it into use, unless what is in use is better on that week. An increment tries only what is near to
    that. Raises ArtefactError, UnavailableError."""
    shards = wiring.shards.now
    heads = tuple(log.head() for log in shards.logs)
    found = Seen()
    for log, head in zip(shards.logs, heads, strict=True):
        _read(log, head, found, read)
    looks, categories = found.allowed(), found.categories
    cut = max((look[0] for views in looks.values() for look in views), default=0) - HELD_BACK_DAYS * DAY_MS
    earlier, later = _split(looks, cut, wiring.settings.least_people)
    used = _in_use(wiring)
    near = used if increment else None
    with wiring.tracker.run(KIND, {"increment": increment, "sessions": len(later)}) as told:
        steps = count()

        def measured(config: Config, ranking: Ranking) -> None:
            step = next(steps)
            told.metric("hr@20", ranking.hr_at_20, step)
            told.metric("mrr@20", ranking.mrr_at_20, step)

        counts = merge([earlier], wiring.settings.least_people)
        config, ranking = train(counts, categories, later, tried, near=near, measured=measured)
        digest = _store(wiring, config, ranking, Position(heads, shards.layout.epoch), increment=increment)
        in_use = _metrics(evaluate(build(counts, categories, used), later)) if used else None
        held = settle(wiring, digest, _metrics(ranking), in_use, force=force)
        for name, value in to_builtins(config).items():
            told.param(name, value)
        told.tag("artefact", digest)
    return Trained(digest, config, ranking, len(later), categories, held)


class AnotherTrainingError(Exception):
    """Somebody else trains for this namespace already."""


def alone(wiring: Wiring) -> AbstractContextManager[Holds]:
    """Holds the right to train; what it gives raises psycopg.Error when the right is lost. Raises
    AnotherTrainingError, UnavailableError."""
    return held_alone(wiring, TRAINING_LOCK, AnotherTrainingError("a training of this namespace is running already"))


def is_current(wiring: Wiring) -> bool:
    """Whether the model in use has learned from all that is recorded. Raises ArtefactError, UnavailableError."""
    digest = wiring.models.in_use(KIND)
    if digest is None:
        return False
    shards = wiring.shards.now
    heads = tuple(log.head() for log in shards.logs)
    return open_(wiring.settings.models_folder(), digest).manifest.position == Position(heads, shards.layout.epoch)


def _in_use(wiring: Wiring) -> Config | None:
    """None also where it is damaged, as then anything is better."""
    try:
        digest = wiring.models.in_use(KIND)
        return open_(wiring.settings.models_folder(), digest).config(Config) if digest else None
    except ArtefactError as error:
        LOGGER.warning("the model in use cannot be read: %s", error)
        return None


def _metrics(ranking: Ranking) -> dict[str, float]:
    return {"hr@20": ranking.hr_at_20, "mrr@20": ranking.mrr_at_20}


def _read(log: PostgresLog, head: int, found: Seen, progress: Callable[[int], None]) -> None:
    feed = ReplayFeed(log, 0, head)
    while batch := feed.next_batch(0):
        for recorded in batch:
            found.add(recorded.event)
        progress(len(batch))


def _split(looks: Mapping[UUID, list[Look]], cut: int, least: int) -> tuple[Part, list[list[str]]]:
    """Sessions begun before ``cut`` are counted; of the later ones, as lists of SKUs, the latest are kept."""
    earlier, later = Part(), list[tuple[int, list[str]]]()
    for person, views in enumerate(looks.values()):
        for session in sessions(views):
            if session[0][0] < cut:
                count_session(earlier, session, person, least)
            elif len(session) > 1:
                later.append((session[0][0], [sku for _, _, sku in session]))
    return earlier, [skus for _, skus in sorted(later)[-MOST_SESSIONS:]]


def _store(wiring: Wiring, config: Config, ranking: Ranking, position: Position, *, increment: bool) -> str:
    """Writes the artefact."""
    draft = Draft(
        KIND,
        config,
        position=position,
        metrics=_metrics(ranking) | {"predictions": ranking.predictions},
        origin={"training": "increment" if increment else "full"},
    )
    return write(wiring.settings.models_folder(), draft).digest
