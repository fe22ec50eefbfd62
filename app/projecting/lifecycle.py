"""The life of a projection: rebuilt beside what is live, switched to, switched back from, dropped, paused, resumed.

Each projection has a generation of its own. What a generation lacks, because nobody projected into it while it was not
live, is folded in before readers see it.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.projecting import bulk, folding, runners
from app.projecting import process as project
from app.projecting.abandoned import making, sweep
from app.wiring import Wiring
from readmodels.live import PROJECTIONS, Live

SAMPLE_S = 1.0


class LifecycleError(Exception):
    """There is no such generation to go to."""


@dataclass(frozen=True, slots=True)
class LogStatus:
    """A projection on one log: the position it has confirmed, the log's last one, and how long it needs at the speed
    of the last second (None: it does not move)."""

    log: str
    position: int
    head: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """A projection: its generations (0: none), why it is stopped ("": it is not), and how far it is."""

    projection: str
    live: int
    previous: int
    ready: int
    stopped: str
    logs: tuple[LogStatus, ...]

    @property
    def behind(self) -> int:
        """Events that are not confirmed yet."""
        return sum(each.head - each.position for each in self.logs)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"behind": self.behind}


def rebuild_all(
    wiring: Wiring, progress: runners.Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int, int]:
    """Folds everything anew beside what is live, then switches; (old, new, events). ``engine``: what runs the slices,
    by default this machine's cores.

    Readers see the old generations until the switch; a running projector goes over to the new one, then the old ones
    are deleted. Raises AnotherProjectorError when it does not go over.
    """
    sweep(wiring)
    old = wiring.generations.all_live()
    new, events = folding.fold_anew(wiring, progress, engine)
    project.wait_until_taken_up(wiring)
    for name in PROJECTIONS:
        if old.of(name):
            wiring.generations.drop(name, old.of(name))
    return old.customers, new, events


def rebuild(
    wiring: Wiring, projection: str, progress: runners.Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int]:
    """Folds one projection anew into a generation that is then ready to be switched to; (generation, events). One that
    was ready before is deleted."""
    sweep(wiring)
    waiting = wiring.generations.ready().of(projection)
    with making(wiring):
        new = folding.begin(wiring)
        events = _fold(wiring, Live.only(projection, new), engine, progress)
        wiring.generations.make_ready(projection, new)
    if waiting:
        wiring.generations.drop(projection, waiting)
    return new, events


def switch(wiring: Wiring, projection: str, progress: runners.Progress = lambda n: None) -> int:
    """Makes the ready generation live; its number. The one before stays, to be gone back to. Raises LifecycleError."""
    ready = wiring.generations.ready().of(projection)
    if not ready:
        raise LifecycleError(f"no generation of {projection} is ready; first: bespoke projections rebuild {projection}")
    return _go_to(wiring, projection, ready, progress)


def roll_back(wiring: Wiring, projection: str, progress: runners.Progress = lambda n: None) -> int:
    """Makes the previous generation live again; its number. Raises LifecycleError."""
    previous = wiring.generations.previous().of(projection)
    if not previous:
        raise LifecycleError(f"no earlier generation of {projection} is kept")
    return _go_to(wiring, projection, previous, progress)


def drop(wiring: Wiring, projection: str) -> list[int]:
    """Deletes the previous and the ready generation, and what killed rebuilds have left of any projection; their
    numbers. Nothing can be gone back to then."""
    found = {wiring.generations.previous().of(projection), wiring.generations.ready().of(projection)} - {0}
    for generation in sorted(found):
        wiring.generations.drop(projection, generation)
    return sorted({*found, *sweep(wiring)})


def pause(wiring: Wiring, projection: str) -> str:
    """Nothing more is projected into it once this returns, and readers see what there is; why it is stopped, which is
    another reason where it was stopped before. Raises AnotherProjectorError."""
    wiring.states.stop(projection)
    project.wait_until_taken_up(wiring)
    return wiring.states.stopped()[projection]


def resume(wiring: Wiring, projection: str) -> bool:
    """It goes on where it was; whether it was stopped. Raises AnotherProjectorError."""
    stopped = wiring.states.resume(projection)
    project.wait_until_taken_up(wiring)
    return stopped


def status(wiring: Wiring, sample_s: float = SAMPLE_S) -> list[Status]:
    """All projections; where one is behind, its speed is looked at for ``sample_s``."""
    before, began = _positions(wiring), time.monotonic()
    if any(position < head for found in before.values() for position, head in found):
        time.sleep(sample_s)
    after, passed = _positions(wiring), time.monotonic() - began
    live, previous, ready = wiring.generations.all_live(), wiring.generations.previous(), wiring.generations.ready()
    stopped = wiring.states.stopped()
    return [
        Status(
            name,
            live.of(name),
            previous.of(name),
            ready.of(name),
            stopped.get(name, ""),
            tuple(_log_status(name, n, *pair, passed) for n, pair in enumerate(_pairs(before, after, name))),
        )
        for name in PROJECTIONS
    ]


def _fold(wiring: Wiring, new: Live, engine: bulk.Engine | None, progress: runners.Progress) -> int:
    folded = folding.fold_all(wiring, new, engine, progress) if new.customers or new.statistics else 0
    return folded + runners.catch_up(wiring, new, progress)


def _go_to(wiring: Wiring, projection: str, generation: int, progress: runners.Progress) -> int:
    if projection in folding.SHARDED and folding.epoch_of(wiring, generation) != wiring.layout().epoch:
        raise LifecycleError(
            f"that generation was folded from other shards; first: bespoke projections rebuild {projection}"
        )
    runners.catch_up(wiring, Live.only(projection, generation), progress)
    wiring.generations.switch(generation, [projection])
    project.wait_until_taken_up(wiring)
    return generation


def _positions(wiring: Wiring) -> dict[str, list[tuple[int, int]]]:
    """Projection → position and head on each of its logs."""
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in PROJECTIONS}
    live = wiring.generations.all_live()
    for number in range(1 + len(wiring.customers)):
        for name, position, head in runners.positions(wiring, live, number):
            found[name].append((position, head))
    return found


def _pairs(
    before: dict[str, list[tuple[int, int]]], after: dict[str, list[tuple[int, int]]], name: str
) -> Sequence[tuple[int, int, int]]:
    """Position before, position after, head after."""
    pairs = zip(before[name], after[name], strict=True)
    return [(was, position, head) for (was, _), (position, head) in pairs]


def _log_status(name: str, number: int, was: int, position: int, head: int, passed_s: float) -> LogStatus:
    where = "catalogue" if name == "catalogue" else f"shard {number}"
    left = head - position
    eta_s = 0.0 if not left else left * passed_s / (position - was) if position > was else None
    return LogStatus(where, position, head, None if eta_s is None else round(eta_s, 1))
