"""``projections``: the life of each read model's projection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.cli.output import bar, json_option, show
from app.projecting import lifecycle
from app.projecting.on_ray import ray_engine
from app.settings import Settings
from app.tuning import for_batches
from app.wiring import Wiring
from readmodels.live import PROJECTIONS

which = click.argument("projection", type=click.Choice(PROJECTIONS))


@click.group()
def projections() -> None:
    """Status, rebuild, switch and rollback of each projection, while the others go on."""


@projections.command()
@json_option
def status(as_json: bool) -> None:
    """Generations, positions and how long each projection needs to be up to date."""
    with _wiring() as wiring:
        found = lifecycle.status(wiring)
    show({"projections": [each.as_json() for each in found]}, "\n".join(map(_words, found)), as_json=as_json)


@projections.command()
@which
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="What folds: all cores, or Ray.")
@json_option
def rebuild(projection: str, engine: str, as_json: bool) -> None:
    """Fold it anew into a generation that waits for its switch; what is live stays."""
    for_batches()
    with _wiring() as wiring, bar(f"rebuilding {projection}", _events(wiring, projection)) as advance:
        made, events = lifecycle.rebuild(wiring, projection, advance, ray_engine if engine == "ray" else None)
    words = f"{events} events folded. Generation {made} is ready; next: bespoke projections switch {projection}"
    show({"projection": projection, "ready": made, "events": events}, words, as_json=as_json)


@projections.command()
@which
@json_option
def switch(projection: str, as_json: bool) -> None:
    """Bring the ready generation up to date and make it live; the one before is kept."""
    _go("live now", lifecycle.switch, projection, as_json)


@projections.command()
@which
@json_option
def rollback(projection: str, as_json: bool) -> None:
    """Bring the previous generation up to date and make it live again."""
    _go("live again", lifecycle.roll_back, projection, as_json)


@projections.command()
@which
@json_option
def drop(projection: str, as_json: bool) -> None:
    """Delete the generations that are kept beside the live one."""
    with _wiring() as wiring:
        gone = lifecycle.drop(wiring, projection)
    words = f"deleted: {', '.join(map(str, gone))}" if gone else "nothing is kept beside the live generation"
    show({"projection": projection, "dropped": gone}, words, as_json=as_json)


@projections.command()
@which
@json_option
def pause(projection: str, as_json: bool) -> None:
    """Stop projecting it; readers see what there is, and the others go on."""
    with _wiring() as wiring:
        reason = lifecycle.pause(wiring, projection)
    show({"projection": projection, "stopped": reason}, f"{projection}: {reason}", as_json=as_json)


@projections.command()
@which
@json_option
def resume(projection: str, as_json: bool) -> None:
    """Go on where it was paused or has failed."""
    with _wiring() as wiring:
        resumed = lifecycle.resume(wiring, projection)
    words = f"{projection} goes on" if resumed else f"{projection} was not stopped"
    show({"projection": projection, "resumed": resumed}, words, as_json=as_json)


@contextmanager
def _wiring() -> Iterator[Wiring]:
    with Wiring(Settings()) as wiring:
        wiring.provision()
        yield wiring


def _events(wiring: Wiring, projection: str) -> int:
    return sum(log.head() for log in ([wiring.catalogue] if projection == "catalogue" else wiring.customers))


def _go(words: str, move: Callable[..., int], projection: str, as_json: bool) -> None:
    for_batches()
    with _wiring() as wiring, bar(f"bringing {projection} up to date") as advance:
        live = move(wiring, projection, advance)
    show({"projection": projection, "live": live}, f"generation {live} of {projection} is {words}", as_json=as_json)


def _words(found: lifecycle.Status) -> str:
    kept = {"previous": found.previous, "ready": found.ready}
    beside = "".join(f", {name} {number}" for name, number in kept.items() if number)
    state = found.stopped or ("up to date" if not found.behind else f"{found.behind:,} events to go{_eta(found)}")
    lines = [f"{found.projection:<11} generation {found.live or 'none'}{beside}: {state}"]
    lines += [f"  {log.log:<9} {log.position:>12,} of {log.head:,}" for log in found.logs]
    return "\n".join(lines)


def _eta(found: lifecycle.Status) -> str:
    times: list[Any] = [log.eta_s for log in found.logs]
    return "" if None in times else f", about {max(times):.0f} s"
