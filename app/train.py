"""Training: the log, folded in memory, chooses the model's configuration by the latest week's sessions."""

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import msgspec

from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.log import PostgresLog
from app.wiring import Wiring
from domain.customer import Customer
from ml.nextitem.data import Look, sessions
from ml.nextitem.evaluate import Ranking
from ml.nextitem.model import Config
from ml.nextitem.train import candidates, train
from projections.statistics import count_session, look
from readmodels import keys
from readmodels.statistics import Part, merge

DAY_MS = 86_400_000
HELD_BACK_DAYS = 7
MOST_SESSIONS = 1_500
CURRENT = "current"
CONFIGURATIONS = len(list(candidates()))


@dataclass(frozen=True, slots=True)
class Trained:
    """What training chose, how it did on the held-back week, the hash of the artefact, and SKU → category."""

    digest: str
    config: Config
    ranking: Ranking
    sessions: int
    categories: dict[str, str | None]


def run(
    wiring: Wiring,
    read: Callable[[int], None] = lambda n: None,
    tried: Callable[[], None] = lambda: None,
) -> Trained:
    """Trains on all but the latest week, chooses on that week, stores the artefact and puts it into use."""
    looks: dict[UUID, list[Look]] = defaultdict(list)
    categories: dict[str, str | None] = {}
    for log in wiring.customers:
        _read(log, looks, categories, read)
    cut = max((look[0] for views in looks.values() for look in views), default=0) - HELD_BACK_DAYS * DAY_MS
    earlier, later = _split(looks, cut, wiring.settings.least_people)
    config, ranking = train(merge([earlier], wiring.settings.least_people), categories, later, tried)
    digest = _store(wiring, config)
    return Trained(digest, config, ranking, len(later), categories)


def _read(
    log: PostgresLog,
    looks: dict[UUID, list[Look]],
    categories: dict[str, str | None],
    progress: Callable[[int], None],
) -> None:
    feed = ReplayFeed(log, 0, log.head())
    while batch := feed.next_batch(0):
        for recorded in batch:
            fact = recorded.event
            if isinstance(fact, Customer.ProductViewed):
                looks[fact.originator_id].append(look(fact))
                categories[fact.sku] = fact.category or categories.get(fact.sku)
        progress(len(batch))


def _split(looks: dict[UUID, list[Look]], cut: int, least: int) -> tuple[Part, list[list[str]]]:
    """Sessions begun before ``cut`` are counted; of the later ones, as lists of SKUs, the latest are kept."""
    earlier, later = Part(), list[tuple[int, list[str]]]()
    for person, views in enumerate(looks.values()):
        for session in sessions(views):
            if session[0][0] < cut:
                count_session(earlier, session, person, least)
            elif len(session) > 1:
                later.append((session[0][0], [sku for _, _, sku in session]))
    return earlier, [skus for _, skus in sorted(later)[-MOST_SESSIONS:]]


def _store(wiring: Wiring, config: Config) -> str:
    """Writes the artefact under the hash of its content, then points to it."""
    content = msgspec.json.encode(config)
    digest = sha256(content).hexdigest()
    folder = wiring.settings.models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{digest}.{os.getpid()}"
    beside.write_bytes(content)
    beside.replace(folder / f"{digest}.json")
    (folder / CURRENT).write_text(digest)
    wiring.redis.set(keys.model(wiring.settings.namespace), content)
    return digest


def restore(wiring: Wiring) -> None:
    """Puts the model that was in use into Redis again, after Redis lost it."""
    folder = wiring.settings.models_folder()
    if (folder / CURRENT).exists() and not wiring.redis.exists(keys.model(wiring.settings.namespace)):
        artefact = folder / f"{(folder / CURRENT).read_text()}.json"
        wiring.redis.set(keys.model(wiring.settings.namespace), artefact.read_bytes())
