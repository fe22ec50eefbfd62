"""``privacy``: what persons may ask for: to be erased, and to know what is known."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import click
from msgspec import to_builtins

from app.cli.customers import account, accounted, identified
from app.cli.keeping import epochs, expire, rotate_keys
from app.cli.output import fail, json_option, show
from app.cli.privacy_export import export
from app.cli.proving import bundle, public_key, verify
from app.erasing.desk import REFUSALS, Desk
from app.erasing.later import follow_up
from app.erasing.reapply import reapply as apply_again
from app.rights.processing import as_data, record_of_processing
from app.settings import Settings
from app.wiring import Wiring
from domain.privacy import Ground, Method, Source
from queries.erasure import Told, words

T = TypeVar("T")
REQUEST = click.argument("request", metavar="REQUEST", type=click.UUID)
actor_option = click.option("--actor", metavar="ID", help="Who does it, as an id that says nothing to outsiders.")
method_option = click.option(
    "--verified", "method", type=click.Choice([m.value for m in Method]), help="How identity was verified."
)


@click.group()
def privacy() -> None:
    """Erase a person: request, approve, hold, cancel, and see what was done. Export what is known."""


for command in (export, bundle, verify, public_key, rotate_keys, epochs, expire):
    privacy.add_command(command)


@privacy.command()
@json_option
def record(as_json: bool) -> None:
    """Print the record of processing (Article 30 GDPR), with how long this installation keeps what."""
    settings = Settings()
    show(as_data(settings), record_of_processing(settings), as_json=as_json)


@privacy.command()
@click.argument("who")
@method_option
@click.option("--approve", is_flag=True, help="Approve it too, where the settings do not ask for four eyes.")
@actor_option
@json_option
def erase(who: str, method: str | None, approve: bool, actor: str | None, as_json: bool) -> None:
    """Request that WHO be erased: all streams of the person, and nobody else's.

    WHO is a person's or stream's id, or KIND:VALUE, as in email:ann@example.com.
    """
    identifier = identified(who)

    def ask(desk: Desk, by: str) -> Told:
        verified = Method(method) if method else None
        return desk.ask(identifier, by=by, source=Source.CLI, method=verified, approve=approve)

    _decided(ask, actor, "erasure.request", as_json)


@privacy.command()
@click.argument("request", metavar="[REQUEST]", type=click.UUID, required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="How many of the latest.")
@json_option
def status(request: UUID | None, limit: int, as_json: bool) -> None:
    """What became of requests: the latest, or one with all its steps."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = _asked(lambda: [Desk(wiring).one(request)] if request else Desk(wiring).latest(limit))
    if as_json or not request:
        lines = "\n".join(map(words, found)) or "There are no requests."
        show({"erasures": [to_builtins(each) for each in found]}, lines, as_json=as_json)
        return
    (one,) = found
    steps = [f"  {name:<12} {step.at:%Y-%m-%d %H:%M:%S}  {step.counts}" for name, step in one.steps.items()]
    click.echo("\n".join([words(one), *steps, *(f"  {name:<12} pending" for name in one.pending)]))


@privacy.command()
@REQUEST
@click.option(
    "--verified", "method", type=click.Choice([m.value for m in Method]), required=True, help="How it was verified."
)
@actor_option
@json_option
def confirm(request: UUID, method: str, actor: str | None, as_json: bool) -> None:
    """Say that whoever asked is the person."""
    _decided(lambda desk, by: desk.confirm(request, by=by, method=Method(method)), actor, "erasure.confirm", as_json)


@privacy.command()
@REQUEST
@actor_option
@json_option
def approve(request: UUID, actor: str | None, as_json: bool) -> None:
    """Let it begin when the cancel window is over."""
    _decided(lambda desk, by: desk.approve(request, by=by), actor, "erasure.approve", as_json)


@privacy.command()
@REQUEST
@actor_option
@json_option
def cancel(request: UUID, actor: str | None, as_json: bool) -> None:
    """Take a request back that has not begun."""
    _decided(lambda desk, by: desk.cancel(request, by=by), actor, "erasure.cancel", as_json)


@privacy.command()
@REQUEST
@click.option("--ground", type=click.Choice([g.value for g in Ground]), required=True, help="Why.")
@actor_option
@json_option
def hold(request: UUID, ground: str, actor: str | None, as_json: bool) -> None:
    """Keep the data for now, as the law wants it."""
    _decided(lambda desk, by: desk.hold(request, by=by, ground=Ground(ground)), actor, "erasure.hold", as_json)


@privacy.command()
@REQUEST
@actor_option
@json_option
def release(request: UUID, actor: str | None, as_json: bool) -> None:
    """End a hold."""
    _decided(lambda desk, by: desk.release(request, by=by), actor, "erasure.release", as_json)


@privacy.command()
@json_option
def reapply(as_json: bool) -> None:
    """Erase again whom an older copy of the databases has brought back. The project process does so at its start."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        count = apply_again(wiring)
    show({"reapplied": count}, f"{count} erasures were done again.", as_json=as_json)


@privacy.command()
@json_option
def finish(as_json: bool) -> None:
    """Do now what follows erasures with the next generation; else the worker does, once a day."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        count = follow_up(wiring)
    show({"steps": count}, f"{count} steps were done.", as_json=as_json)


def _decided(decide: Callable[[Desk, str], Told], actor: str | None, action: str, as_json: bool) -> None:
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = _asked(lambda: decide(Desk(wiring), f"cli:{actor or account()}"))
        if found.subject is not None:
            accounted(wiring, action, found.subject)
    show(to_builtins(found), words(found), as_json=as_json)


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except REFUSALS as refusal:
        fail(str(refusal))
