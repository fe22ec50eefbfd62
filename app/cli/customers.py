"""``customer show``."""

import asyncio
import os
import pwd
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import click
import msgspec
from pydantic import ValidationError

from app.cli.output import fail, json_option
from app.cli.output import show as print_result
from app.settings import Settings
from app.wiring import Wiring
from commands.rights import CorrectDetails
from domain.identity import Identifier, IdentifierKind
from domain.values import Details
from queries.answers import LoggedEvent, Profile
from queries.audit import Access
from queries.moment import Moment, read_time
from queries.timeline import Page, Place, place_of

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


purpose_option = click.option("--purpose", metavar="WORDS", help="What it is for; the audit log keeps it.")


def accounted(wiring: Wiring, action: str, stream: UUID, purpose: str | None = None) -> None:
    """Tells the audit log that whoever runs this command reads somebody's record. Raises UnavailableError."""
    try:
        access = Access(f"cli:{account()}", action, stream, purpose)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--purpose") from None
    wiring.audit.record(access)


def account() -> str:
    """The account of the machine that this runs as; its number where it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


@click.group()
def customer() -> None:
    """Look at a customer, and correct what is known."""


def time_option(context: click.Context, option: click.Parameter, given: str | None) -> datetime | None:
    """A date stands for its last moment in UTC. Raises click.BadParameter, which does not repeat what was given."""
    if given is None:
        return None
    try:
        return read_time(f"{given}T23:59:59.999999Z" if DATE.fullmatch(given) else given)
    except ValueError as error:
        raise click.BadParameter(f"{error}; or a date alone, for the end of that day in UTC", context, option) from None


def place_option(context: click.Context, option: click.Parameter, given: str | None) -> Place | None:
    """Raises click.BadParameter."""
    try:
        return None if given is None else Place.read(given)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None


@customer.command()
@click.argument("who")
@click.option("--events", "limit", type=click.IntRange(0, 10_000), default=20, help="How many of the latest events.")
@click.option(
    "--as-of", metavar="TIME", callback=time_option, help="What was true then. A date means the end of that day in UTC."
)
@click.option(
    "--known-at", metavar="TIME", callback=time_option, help="What was recorded by then, whenever it happened."
)
@click.option("--before", metavar="PLACE", callback=place_option, help="Events older than the place that a page named.")
@purpose_option
@json_option
def show(
    who: str,
    limit: int,
    as_of: datetime | None,
    known_at: datetime | None,
    before: Place | None,
    purpose: str | None,
    as_json: bool,
) -> None:
    """Show the unified profile of WHO and the latest events, decrypted from the log.

    WHO is a person's or stream's id, or KIND:VALUE with KIND one of user, loyalty, email, phone, cart, device,
    anonymous, as in loyalty:1042.
    """
    identifier = identified(who)
    moment = Moment(as_of, known_at) if as_of or known_at else None
    with Wiring(Settings()) as wiring:
        wiring.provision()
        profile, events, older = asyncio.run(_show(wiring, identifier, limit, moment, Page(before)))
        if profile is not None:
            accounted(wiring, "customer.show", profile.person_id, purpose)
    if profile is None:
        fail("nobody is known by that" + " at that time" * (moment is not None))
    if as_json:
        click.echo(msgspec.json.encode({"profile": profile, "events": events, "older": older}).decode())
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(profile), indent=2).decode())
        for event in events:
            click.echo(f"{event.occurred_at_ms}  {event.name:34} {msgspec.json.encode(event.facts).decode()}")
        if older:
            click.echo(f"older events: --before {older}")


@customer.command()
@click.argument("who")
@click.option(
    "--set",
    "told",
    metavar="FIELD=VALUE",
    multiple=True,
    help=f"What is right: one of {', '.join(Details.model_fields)}.",
)
@click.option("--clear", "cleared", metavar="FIELD", multiple=True, help="A field of which nothing right is known.")
@click.option("--reason", required=True, help="Why; it is kept, encrypted, with the correction.")
@json_option
def correct(who: str, told: tuple[str, ...], cleared: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Correct details of WHO. What is corrected counts before whatever channels tell, earlier or later.

    WHO is a person's or stream's id, or KIND:VALUE, as in loyalty:1042.
    """
    named, at = identified(who), datetime.now(UTC)
    pairs = [each.partition("=") for each in told]
    with Wiring(Settings()) as wiring:
        wiring.provision()
        stream = named if isinstance(named, UUID) else wiring.directory.find(named)
        if stream is None:
            fail("nobody is known by that")
        accounted(wiring, "customer.correct", stream)
        try:
            command = CorrectDetails.model_validate(
                {
                    "source_id": f"correction:{uuid4()}",
                    "occurred_at": at,
                    "stream": stream,
                    "details": {name: value for name, _, value in pairs},
                    "cleared": cleared,
                    "by": f"cli:{account()}",
                    "reason": reason,
                }
            )
        except ValidationError as error:
            fail("; ".join(f"{'.'.join(map(str, e['loc'])) or 'correction'}: {e['msg']}" for e in _told(error)))
        (outcome,) = wiring.bus().dispatch([command])
    if outcome.refused:
        fail("nobody is known by that, or they were erased")
    result = {"stream": str(stream), "version": outcome.version, "recorded": outcome.events}
    print_result(result, f"{outcome.events} correction recorded", as_json=as_json)


def _told(error: ValidationError) -> Any:
    """Without the values."""
    return error.errors(include_input=False, include_url=False, include_context=False)


async def _show(
    wiring: Wiring, who: UUID | Identifier, limit: int, moment: Moment | None, page: Page
) -> tuple[Profile | None, tuple[LoggedEvent, ...], str | None]:
    reader = wiring.reader()
    try:
        queries = wiring.queries(reader)
        stream = who if isinstance(who, UUID) else await queries.find(who)
        if stream is None:
            return None, (), None
        events = await queries.events(stream, limit + 1, moment, page) if limit else ()
        older = str(place_of(events[limit - 1])) if len(events) > limit else None
        return await queries.profile(stream, moment), events[:limit], older
    finally:
        await reader.close()


def identified(who: str) -> UUID | Identifier:
    kind, colon, value = who.partition(":")
    try:
        return Identifier(kind=IdentifierKind(kind), value=value) if colon else UUID(who)
    except ValidationError:
        raise click.BadParameter(f"no valid {kind}", param_hint="WHO") from None
    except ValueError:
        kinds = ", ".join(IdentifierKind)
        raise click.BadParameter(f"an id, or KIND:VALUE with KIND one of {kinds}", param_hint="WHO") from None
