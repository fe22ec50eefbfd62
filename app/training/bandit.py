"""The bandit's posterior: a fold over the log's showings and clicks, each in the context of its moment.

Every item that was shown often is an arm, and so is what came last, which starts from what all items have in common.
What is not in the catalogue is one only where several people were shown it: an artefact names its arms.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import log
from uuid import UUID

import numpy as np

from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.log import PostgresLog
from app.models.in_use import BANDIT
from app.training.seen import Told
from app.wiring import Wiring
from domain.customer import Customer
from domain.event import Event
from ml.artefacts import Draft, Position, write
from ml.bandit.context import DIMENSIONS
from ml.bandit.data import observations
from ml.bandit.model import Config, Posterior, start, update
from projections.bandit import trials
from projections.catalogue import apply
from projections.examples import Rules
from readmodels.bandit import Trial
from readmodels.catalogue import ProductRecord

#: The most shown items, and the latest to come: so many of each are arms.
MOST_SHOWN, MOST_NEW = 1_000, 200
#: Clicks and showings that are taken for granted of the average item before anything is seen.
GRANTED = (1, 50)
OF_INTEREST = (
    Customer.RecommendationShown,
    Customer.RecommendationClicked,
    Customer.Seen,
    Customer.ProductViewed,
    Customer.CategoryBrowsed,
    Customer.Searched,
    Customer.AddedToCart,
    Customer.CheckoutStarted,
    Customer.OrderPlaced,
)


@dataclass(frozen=True, slots=True)
class TrainedBandit:
    """The artefact's hash, how many items are arms, and what it has seen."""

    digest: str
    arms: int
    shown: int
    clicked: int


def run(wiring: Wiring, read: Callable[[int], None] = lambda n: None) -> TrainedBandit:
    """Folds, stores the artefact and puts it into use. Raises ArtefactError, UnavailableError."""
    shards, catalogue = wiring.shards.now, wiring.catalogue.head()
    heads = tuple(log.head() for log in shards.logs)
    now_ms = time.time_ns() // 1_000_000
    shown_to = _trials(list(zip(shards.logs, heads, strict=True)), now_ms, read)
    seen = [trial for trials_ in shown_to for trial in trials_]
    listed, newest = _listed(wiring.catalogue, catalogue)
    arms = _arms(seen, listed | _met(shown_to, wiring.settings.least_people), newest)
    posterior = _posterior(seen, arms)
    position = Position(heads, shards.layout.epoch, catalogue)
    shown, clicked = int(posterior.shown.sum()), int(posterior.clicked.sum())
    draft = Draft(BANDIT, posterior.config, arrays(posterior), arms, position, {"shown": shown, "clicked": clicked})
    digest = write(wiring.settings.models_folder(), draft).digest
    wiring.models.promote(digest, at_ms=now_ms, by="train")
    return TrainedBandit(digest, len(arms), shown, clicked)


def arrays(posterior: Posterior) -> dict[str, np.ndarray]:
    """What an artefact keeps of it."""
    return {
        "means": posterior.means,
        "precisions": posterior.precisions,
        "shown": posterior.shown,
        "clicked": posterior.clicked,
    }


def _posterior(seen: Sequence[Trial], arms: Sequence[str]) -> Posterior:
    rows = {sku: row for row, sku in enumerate(arms)}
    clicks, shows = GRANTED[0] + sum(trial.clicked for trial in seen), GRANTED[1] + len(seen)
    average = log(clicks / (shows - clicks)) if shows > clicks else 0.0
    config = Config(DIMENSIONS, prior_scale=0.5, prior_mean=(*([0.0] * (DIMENSIONS - 1)), round(average, 6)))
    return update(start(config, len(arms)), observations(seen, rows))


def _met(shown_to: Sequence[Sequence[Trial]], least: int) -> set[str]:
    """The SKUs that so many streams at least were shown."""
    count = Counter(sku for trials_ in shown_to for sku in {trial.sku for trial in trials_})
    return {sku for sku, streams in count.items() if streams >= least}


def _arms(seen: Sequence[Trial], known: Collection[str], newest: Sequence[str]) -> tuple[str, ...]:
    """The most shown of those ``known``, equal ones by SKU, then the newest; the same for any order of the trials."""
    count = Counter(trial.sku for trial in seen if trial.sku in known)
    shown = [sku for sku, _ in sorted(count.items(), key=lambda one: (-one[1], one[0]))[:MOST_SHOWN]]
    return tuple(dict.fromkeys((*shown, *newest)))


def _trials(logs: Sequence[tuple[PostgresLog, int]], until_ms: int, read: Callable[[int], None]) -> list[list[Trial]]:
    """Stream by stream of all shards, in no order that matters; of streams whose persons let them train."""
    streams: dict[UUID, list[Event]] = defaultdict(list)
    told = Told()
    for shard, head in logs:
        feed = ReplayFeed(shard, 0, head)
        while batch := feed.next_batch(0):
            for recorded in batch:
                told.add(recorded.event)
                if isinstance(recorded.event, OF_INTEREST):
                    streams[recorded.event.originator_id].append(recorded.event)
            read(len(batch))
    shown = (s for s, facts in streams.items() if any(isinstance(f, Customer.RecommendationShown) for f in facts))
    permissions = told.permissions(shown, Rules())
    return [list(trials(streams[s], until_ms, permission)) for s, permission in permissions.items()]


def _listed(log: PostgresLog, head: int) -> tuple[set[str], list[str]]:
    """All SKUs that were ever listed; and those listed last that are on sale, the latest first."""
    records: dict[UUID, ProductRecord] = defaultdict(ProductRecord)
    first: dict[UUID, int] = {}
    feed = ReplayFeed(log, 0, head)
    while batch := feed.next_batch(0):
        for recorded in batch:
            stream = recorded.event.originator_id
            records[stream] = apply(records[stream], recorded.event)
            first.setdefault(stream, recorded.position)
    told = {stream: record for stream, record in records.items() if record.listing}
    on_sale = [stream for stream, record in told.items() if record.listing and record.listing.active]
    newest = [told[stream].sku for stream in sorted(on_sale, key=lambda s: -first[s])[:MOST_NEW]]
    return {record.sku for record in told.values()}, newest
