"""``project`` and ``rebuild``."""

import logging
import signal
import threading

import click

from app.cli.output import bar, json_option, show
from app.projecting import folding, lifecycle, runners
from app.projecting import process as projector
from app.projecting.on_ray import ray_engine
from app.settings import Settings
from app.starting import started
from app.tuning import for_batches
from app.wiring import Wiring

#: Characters of a shard's number are fewer.
LONGEST = 7


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> frozenset[int] | None:
    if value is None:
        return None
    parts = value.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < LONGEST for part in parts):
        raise click.BadParameter("give numbers of shards, as in 0,2", context, parameter)
    return frozenset(map(int, parts))


@click.command()
@click.option("--follow", is_flag=True, help="Go on with what is recorded from now on, until stopped.")
@click.option("--shards", callback=_numbers, help="Only these shards, as in 0,2; other processes take the others.")
@json_option
def project(follow: bool, shards: frozenset[int] | None, as_json: bool) -> None:
    """Fold the event log into Redis."""
    if shards is not None and not follow:
        raise click.UsageError("--shards goes with --follow")
    for_batches()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    if follow:
        _follow(shards)
        return
    with Wiring(Settings()) as wiring:
        wiring.provision()
        with projector.single_projector(wiring):
            live = folding.start_generation(wiring)
            with bar("log → Redis", runners.lag(wiring)) as advance:
                events = runners.catch_up(wiring, live.without(wiring.states.stopped()), advance)
        show({"generation": live.customers, "events": events}, f"{events} events projected.", as_json=as_json)


def _follow(shards: frozenset[int] | None) -> None:
    with started(Settings(), Wiring.bus) as wiring:
        if shards is not None and (count := len(wiring.customers)) <= max(shards):
            raise click.UsageError(f"--shards: the log has the shards 0 to {count - 1}")
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        projector.follow(wiring, stop, shards)


@click.command()
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="What folds: all cores, or Ray.")
@json_option
def rebuild(engine: str, as_json: bool) -> None:
    """Fold everything anew from position 0, beside what is live, then switch."""
    for_batches()
    with Wiring(Settings()) as wiring:
        wiring.provision()
        with bar("rebuilding", sum(log.head() for log in (wiring.catalogue, *wiring.customers))) as advance:
            old, new, events = lifecycle.rebuild_all(wiring, advance, ray_engine if engine == "ray" else None)
        show(
            {"from_generation": old, "to_generation": new, "events": events},
            f"{events} events folded into generation {new}, which is live now.",
            as_json=as_json,
        )
