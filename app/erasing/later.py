"""What follows an erasure with the next generation: statistics, training sets, models; and the topic, by its retention.

Nothing here can be read of a person: statistics are of five people or more, and models hold nobody. It is done so that
they no more tell of the person than of somebody who never came.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.jobs import Runs
from adapters.keys.daily import DAY_S, KEPT_DAYS, Purpose
from adapters.redis import rewrite_files
from app.erasing.redis import redis
from app.erasing.work import Counts
from app.jobs.schedule import FULL
from app.projecting import lifecycle
from app.wiring import Wiring
from commands.ports import ConflictError
from domain.privacy import Step
from projections.erasure import pending
from readmodels.erasure import UNREADABLE, ErasureStatus
from readmodels.live import STATISTICS

BATCH = 500
ATTEMPTS = 100
DONE = "done"
Found = dict[UUID, Counts]


@dataclass(frozen=True, slots=True)
class Round:
    """Of one look: when it is; whether statistics are folded anew now; what Redis still had."""

    now: datetime
    rebuild: bool
    late: Mapping[UUID, Counts]


Look = Callable[[Wiring, Sequence[ErasureStatus], Round], Found]


def _statistics(wiring: Wiring, some: Sequence[ErasureStatus], round_: Round) -> Found:
    """Folded anew from a log that has nothing of them any more; what was counted before is gone, from Redis's own files
    too."""
    if not round_.rebuild:
        return {}
    generation, _ = lifecycle.rebuild(wiring, STATISTICS)
    lifecycle.switch(wiring, STATISTICS)
    lifecycle.drop(wiring, STATISTICS)
    parts = wiring.statistics(generation)
    for shard, kept in enumerate(wiring.records):
        if part := parts.load(shard):
            kept.save_part(part)
    rewrite_files(wiring.redis)
    return {s.request: {"generation": generation, "late_fields": round_.late[s.request]["fields"]} for s in some}


def _training(wiring: Wiring, some: Sequence[ErasureStatus], _: Round) -> Found:
    """Sets are gathered from the log each time. What trainings that were cut short have saved must be younger."""
    folder = wiring.settings.checkpoints_folder()
    ages = [os.stat(path).st_mtime * 1000 for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    oldest = min(ages, default=float("inf"))
    return {s.request: {"checkpoints": 0} for s in some if oldest > s.unreadable_ms}


def _models(wiring: Wiring, some: Sequence[ErasureStatus], _: Round) -> Found:
    """A full training that began afterwards has made what is in use; or nothing is."""
    slots = [slot for slot in wiring.models.slots() if wiring.models.in_use(slot)]
    run = Runs(wiring.redis, wiring.settings.namespace).all().get(FULL)
    began = run.started_ms if run is not None and run.state == DONE else 0
    return {s.request: {"models": len(slots)} for s in some if not slots or began > s.unreadable_ms}


def _topic(wiring: Wiring, some: Sequence[ErasureStatus], round_: Round) -> Found:
    """The key of the day on which messages of theirs may have been published has served its time."""
    kafka = wiring.settings.kafka_bootstrap is not None
    lasts_ms = (KEPT_DAYS[Purpose.TOPIC] + 1) * DAY_S * 1000 if kafka else 0
    over = [s for s in some if round_.now.timestamp() * 1000 >= s.unreadable_ms + lasts_ms]
    if over:
        wiring.directory.purge([stream for s in over for stream in s.streams])
    return {s.request: {"days": lasts_ms // (DAY_S * 1000)} for s in over}


LOOKS: Mapping[Step, Look] = {
    Step.STATISTICS: _statistics,
    Step.TRAINING: _training,
    Step.MODELS: _models,
    Step.TOPIC: _topic,
}


def follow_up(
    wiring: Wiring, now: datetime | None = None, *, rebuild: bool = True, looks: Mapping[Step, Look] = LOOKS
) -> int:
    """Does what is pending and can be done, and says so; how many steps that were. ``rebuild``: statistics are folded
    anew now, where anybody waits for that. Raises UnavailableError, AnotherProjectorError."""
    now, done = now or datetime.now(UTC), 0
    waiting = list(wiring.erasures.in_state(UNREADABLE))
    if not waiting:
        return 0
    round_ = Round(now, rebuild, redis(wiring, {status.request: status.streams for status in waiting}))
    for step, look in looks.items():
        lacking = [status for status in waiting if step in pending(status)]
        done += _finish(wiring, step, look(wiring, lacking, round_) if lacking else {}, now)
    return done


def _finish(wiring: Wiring, step: Step, found: Found, now: datetime) -> int:
    numbers = sorted(found)
    for start in range(0, len(numbers), BATCH):
        _recorded(wiring, step, {number: found[number] for number in numbers[start : start + BATCH]}, now)
    return len(numbers)


def _recorded(wiring: Wiring, step: Step, found: Found, now: datetime) -> None:
    for _ in range(ATTEMPTS):
        requests: dict[UUID, Any] = wiring.erasures.load(list(found))
        for number, request in requests.items():
            request.finish(step, found[number], occurred_at=now)
        try:
            wiring.erasures.save(requests.values())
        except ConflictError:
            continue
        return
    raise ConflictError("others work on the same requests all the time")
