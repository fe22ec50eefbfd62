"""Attribution from the log: what it tells up to a position of each shard, and reports that are published, restated and
kept."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from uuid import UUID

from adapters.attribution import Version
from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.scan import FIRST, LAST, streams_between
from app.training.training_set import heads
from app.training.work import Positions, streams_of
from app.wiring import Wiring
from domain.event import Event
from projections.attribution.stages import Cause
from projections.attribution.trail import Trail
from queries.attribution_plain import figures_of, plain, restatement_plain
from queries.attribution_report import Asked, AttributionReport, report
from queries.attribution_restatement import Caused, Restatement, difference, figures, restated

Progress = Callable[[int], None]


class PublishError(Exception):
    """It cannot be published; the text says why."""


@dataclass(frozen=True, slots=True)
class Published:
    """The latest version, and whether it is ``new``: the same figures make no version. ``made``: as of now."""

    version: Version
    new: bool
    made: AttributionReport


def read(wiring: Wiring, positions: Positions, progress: Progress = lambda n: None) -> dict[UUID, Trail]:
    """What each stream tells, of those that tell anything. Raises UnavailableError."""
    found: dict[UUID, Trail] = {}
    for shard, until in enumerate(positions.shards):
        for stream, events in streams_between(wiring.customers[shard], FIRST, LAST, until):
            progress(len(events))
            trail = Trail().take(events)
            if not trail.empty:
                found[stream] = trail
    return found


def since(wiring: Wiring, before: Positions, until: Positions) -> dict[UUID, list[Event]]:
    """What was recorded after positions, up to others, by stream. Raises UnavailableError."""
    found: dict[UUID, list[Event]] = {}
    for log, begin, end in zip(wiring.customers, before.shards, until.shards, strict=True):
        feed = ReplayFeed(log, begin, end)
        while batch := feed.next_batch(0):
            for recorded in batch:
                found.setdefault(recorded.event.originator_id, []).append(recorded.event)
    return found


def made(wiring: Wiring, asked: Asked, positions: Positions, progress: Progress = lambda n: None) -> AttributionReport:
    """Raises ValueError, UnavailableError."""
    return report(read(wiring, positions, progress), positions.shards, asked)


def key_of(asked: Asked) -> str:
    """The name of a published report: what was asked, and nothing else."""
    return sha256(json.dumps(asdict(asked), sort_keys=True).encode()).hexdigest()[:16]


def publish(wiring: Wiring, asked: Asked, progress: Progress = lambda n: None) -> Published:
    """A new version of the report as the log is now, if its figures are not those of the last one, with the cause of
    each difference. Raises PublishError, ValueError, UnavailableError."""
    key, now = key_of(asked), heads(wiring)
    last = wiring.published.last(key)
    if last is None:
        found = made(wiring, asked, now, progress)
        return _kept(wiring, _version(key, 1, now, asked, found, None), found)
    if last.epoch == now.epoch:
        found, told = _restated(wiring, asked, last, now, progress)
    else:
        found = made(wiring, asked, now, progress)
        whole = difference(figures_of(last.report), figures(found))
        told = Restatement(last.positions, now.shards, (Caused(Cause.UNTOLD, 0, whole),))
    if not difference(figures_of(last.report), figures(found)):
        return Published(last, False, found)
    return _kept(wiring, _version(key, last.version + 1, now, asked, found, told), found)


def _restated(
    wiring: Wiring, asked: Asked, last: Version, now: Positions, progress: Progress
) -> tuple[AttributionReport, Restatement]:
    then = Positions(last.epoch, last.positions, now.catalogue)
    known, later = read(wiring, then, progress), since(wiring, then, now)
    before = streams_of(wiring, later, then)
    return restated(figures_of(last.report), last.positions, known, before, later, now.shards, asked)


def _version(
    key: str, number: int, now: Positions, asked: Asked, found: AttributionReport, told: Restatement | None
) -> Version:
    why = None if told is None else restatement_plain(told)
    return Version(key, number, None, now.epoch, now.shards, asdict(asked), plain(found), why)


def _kept(wiring: Wiring, new: Version, found: AttributionReport) -> Published:
    if not wiring.published.add(new):
        raise PublishError("somebody else published this report meanwhile; try again")
    kept = wiring.published.last(new.key)
    assert kept is not None
    return Published(kept, True, found)


def asked_again(version: Version) -> Asked:
    """What a published report was asked for."""
    from projections.attribution.rules import Rules

    told = version.asked
    return Asked(tuple(told["models"]), told["from_ms"], told["to_ms"], Rules(**told["rules"]))
