"""``customer show``."""

import asyncio
from uuid import UUID

import click
import msgspec
from pydantic import ValidationError

from app.cli.output import fail, json_option
from app.settings import Settings
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from queries.answers import LoggedEvent, Profile


@click.group()
def customer() -> None:
    """Look at a customer."""


@customer.command()
@click.argument("who")
@click.option("--events", "limit", type=click.IntRange(0, 10_000), default=20, help="How many of the latest events.")
@json_option
def show(who: str, limit: int, as_json: bool) -> None:
    """Show the unified profile of WHO and the latest events, decrypted from the log.

    WHO is a person's or stream's id, or KIND:VALUE with KIND one of user, loyalty, email, phone, cart, device,
    anonymous, as in loyalty:1042.
    """
    identifier = _identifier(who)
    with Wiring(Settings()) as wiring:
        wiring.provision()
        profile, events = asyncio.run(_show(wiring, identifier, limit))
    if profile is None:
        fail("nobody is known by that")
    if as_json:
        click.echo(msgspec.json.encode({"profile": profile, "events": events}).decode())
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(profile), indent=2).decode())
        for event in events:
            click.echo(f"{event.occurred_at_ms}  {event.name:34} {msgspec.json.encode(event.facts).decode()}")


async def _show(wiring: Wiring, who: UUID | Identifier, limit: int) -> tuple[Profile | None, tuple[LoggedEvent, ...]]:
    reader = wiring.reader()
    try:
        queries = wiring.queries(reader)
        stream = who if isinstance(who, UUID) else await queries.find(who)
        if stream is None:
            return None, ()
        return await queries.profile(stream), await queries.events(stream, limit) if limit else ()
    finally:
        await reader.close()


def _identifier(who: str) -> UUID | Identifier:
    kind, colon, value = who.partition(":")
    try:
        return Identifier(kind=IdentifierKind(kind), value=value) if colon else UUID(who)
    except ValidationError:
        raise click.BadParameter(f"no valid {kind}", param_hint="WHO") from None
    except ValueError:
        kinds = ", ".join(IdentifierKind)
        raise click.BadParameter(f"an id, or KIND:VALUE with KIND one of {kinds}", param_hint="WHO") from None
