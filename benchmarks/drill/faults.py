"""Faults of another kind than a kill: races, full memory, no connections left, a full disk."""

import multiprocessing
import os
import random
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from adapters.eventlog.feed import LiveFeed
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.drill.house import House, until
from commands.browse import BrowseCategory
from commands.bus import Bus
from commands.ports import ConflictError, UnavailableError
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel

CONFLICTS = 1_000
SUBSCRIBED, WRITERS = 100_000, 4
HOLD_S = 2.0
PAUSE_S = 0.006
DISK = "260m"
BALLAST = 45 << 20
CUT_OTHERS = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> ALL(%s)"""


def conflicts(house: House) -> dict[str, int]:
    """Two writers on one stream: both decide on the same version, one has to decide again; until ``CONFLICTS``."""
    met, lock, done = [0], threading.Lock(), [0, 0]

    def counted(bus: Bus) -> None:
        for log in house.wiring.customers:
            save = log.save

            def saving(*args: Any, save: Any = save) -> int:
                try:
                    return int(save(*args))
                except ConflictError:
                    with lock:
                        met[0] += 1
                    raise

            log.__dict__["save"] = saving

    def write(number: int) -> None:
        bus, chance = house.wiring.bus(), random.Random(number)
        for turn in count():
            if met[0] >= CONFLICTS:
                return
            bus.dispatch([_browse("both", f"conflict-{number}-{turn}")])
            done[number] = turn + 1
            time.sleep(chance.uniform(0, PAUSE_S))  # who has just won would win again: it need not read

    counted(house.wiring.bus())
    writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for log in house.wiring.customers:
        del log.__dict__["save"]
    books = house.books()
    wanted = [f"conflict-{number}-{turn}" for number in range(2) for turn in range(done[number])]
    return {"conflicts": met[0], "conflicts_lost": sum(books.times(source) != 1 for source in wanted)}


def subscriber(house: House) -> dict[str, int]:
    """A live subscriber while four processes write: how many of their events it missed."""
    log = house.wiring.customers[0]
    before, seen = log.head(), 0
    context = multiprocessing.get_context("spawn")
    settings = Settings(**{name: getattr(house.wiring.settings, name) for name in Settings.model_fields})
    writers = [context.Process(target=_write, args=(settings, n)) for n in range(WRITERS)]
    with LiveFeed(log, before) as feed:
        for writer in writers:
            writer.start()
        last = before
        while seen < SUBSCRIBED:
            batch = feed.next_batch(5.0)
            if not batch and not any(writer.is_alive() for writer in writers):
                break
            positions = [recorded.position for recorded in batch]
            if positions != sorted(positions) or (positions and positions[0] <= last):
                raise RuntimeError("positions came out of order")
            last = positions[-1] if positions else last
            seen += sum(getattr(recorded.event, "source_id", "").startswith("live-") for recorded in batch)
        for writer in writers:
            writer.join()
    return {"subscriber_missed": SUBSCRIBED - seen}


def _write(settings: Settings, number: int) -> None:
    with Wiring(settings, own_servers=False) as wiring:
        bus = wiring.bus()
        each = SUBSCRIBED // WRITERS
        for start in range(0, each, 100):
            names = range(start, start + 100)
            bus.dispatch([_browse(f"w{number}-{n % 500}", f"live-{number}-{n}") for n in names])


def _browse(user: str, source: str) -> BrowseCategory:
    return BrowseCategory(
        identifiers=(Identifier(kind=IdentifierKind.USER, value=user),),
        source_id=source,
        occurred_at=datetime(2026, 6, 1, tzinfo=UTC),
        channel=Channel.WEB,
        category="Skirts",
    )


def redis_out_of_memory(house: House) -> dict[str, int]:
    """Redis takes no more for a while; how many writes it refused. The projector waits and goes on."""
    redis = house.wiring.redis
    redis.config_resetstat()
    redis.config_set("maxmemory", 1 << 20)
    time.sleep(HOLD_S)
    redis.config_set("maxmemory", 0)
    errors: Any = redis.info("errorstats")
    return {"redis_out_of_memory": errors.get("errorstat_OOM", {"count": 0})["count"]}


def no_connections(house: House) -> dict[str, int]:
    """All of PostgreSQL's connections are taken for a while, those that the processes had too; how many."""
    with ExitStack() as hogs:
        taken = _hog(house, hogs)
        taken[0].execute(CUT_OTHERS, ([connection.info.backend_pid for connection in taken],))
        taken += _hog(house, hogs)
        time.sleep(HOLD_S)
    return {"connections_taken": len(taken)}


def _hog(house: House, hogs: ExitStack) -> list[psycopg.Connection[Any]]:
    taken: list[psycopg.Connection[Any]] = []
    with suppress(psycopg.OperationalError):
        while True:
            taken.append(
                hogs.enter_context(psycopg.connect(house.wiring.postgres_url, autocommit=True, connect_timeout=5))
            )
    return taken


def disk_full(folder: Path) -> dict[str, Any]:
    """PostgreSQL on a small tmpfs that fills up under writes: what was acknowledged is there when there is room."""
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk]).returncode:
        return {"disk_full": "skipped: a tmpfs can't be mounted here"}
    try:
        return _fill(disk)
    finally:
        until(lambda: subprocess.run(["umount", disk], stderr=subprocess.DEVNULL).returncode == 0)


def _fill(disk: Path) -> dict[str, Any]:
    """Twice the disk is full, and some room is made; what was refused is sent again."""
    ballasts = [disk / "first", disk / "second"]
    for ballast in ballasts:
        ballast.write_bytes(bytes(BALLAST))
    stored, refused = list[str](), 0
    with Wiring(Settings(var=disk / "var", postgres_url=None, redis_url=None)) as wiring:
        wiring.provision()
        bus, numbers = wiring.bus(), count()
        while ballasts:
            sources = [f"disk-{next(numbers)}" for _ in range(500)]
            if not _recorded(bus, sources):
                refused += 1
                ballasts.pop().unlink()
                until(lambda: _revived(wiring) and _recorded(bus, sources), 60.0)  # noqa: B023
            stored += sources
        found = Counter(getattr(event, "source_id", "") for event in _events(wiring))
    lost = sum(found[source] != 1 for source in stored)
    return {"disk_full": refused, "disk_full_stored": len(stored), "disk_full_lost": lost}


def _recorded(bus: Bus, sources: list[str]) -> bool:
    try:
        bus.dispatch([_browse(f"d{n % 50}", source) for n, source in enumerate(sources)])
    except UnavailableError:
        return False
    return True


def _revived(wiring: Wiring) -> bool:
    wiring.revive_servers()
    try:
        return wiring.customers[0].head() >= 0
    except UnavailableError:
        return False


def _events(wiring: Wiring) -> list[Any]:
    log, events, after = wiring.customers[0], list[Any](), 0
    while batch := log.read(after, 5_000):
        after = batch[-1].id
        events += log.decode_all(batch)
    return events
