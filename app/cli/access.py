"""``keys`` and ``audit``: who may call, and who read whose record."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from adapters.http.keys import ID, ApiKey, Scope, generate, rate_of
from app.cli.customers import identified, time_option
from app.cli.output import fail, json_option, show
from app.settings import Settings
from app.wiring import Wiring
from queries.audit import Entry


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do.",
)
@click.option("--public", is_flag=True, help="For browsers and apps: channel:write alone, anonymous events.")
@click.option("--per-s", type=int, help="Requests a second, on average; the setting's where left out.")
@click.option("--burst", type=int, help="Requests at once after a rest; twice that where left out.")
@json_option
def create(
    key_id: str, scopes: tuple[str, ...], public: bool, per_s: int | None, burst: int | None, as_json: bool
) -> None:
    """Make a key and print it, this once: only its digest is kept. ID is what logs and the audit log call it."""
    if not re.fullmatch(ID, key_id):
        raise click.BadParameter("1 to 60 letters, digits and _ . -", param_hint="ID")
    settings = Settings()
    try:
        text, key = generate([Scope(scope) for scope in scopes], public, id=key_id, rate=rate_of(per_s, burst))
        if settings.keys().has(key_id):
            raise ValueError("id: the settings have a key with this id")
        with Wiring(settings) as wiring:
            wiring.provision()
            wiring.made_keys.add(key)
    except ValueError as error:
        fail(str(error))
    show({"id": key.id, "key": text, "scopes": sorted(key.scopes), "public": public}, text, as_json=as_json)


@keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all keys, also those that were revoked, without their texts."""
    settings = Settings()
    with Wiring(settings) as wiring:
        wiring.provision()
        made = wiring.made_keys.all()
    configured = settings.keys()
    told = [_told(key, "settings") for key in configured]
    told += [_told(each.key, "revoked" if each.revoked else "made") for each in made]
    lines = [f"{each['id']:<24} {each['state']:<8} {', '.join(each['scopes'])}" for each in told]
    show({"keys": told}, "\n".join(lines), as_json=as_json)


@keys.command()
@click.argument("key_id", metavar="ID")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Take a key away. Web processes refuse it about two seconds later."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        revoked = wiring.made_keys.revoke(key_id)
    if not revoked:
        fail("no good key was made with this id; keys of BESPOKE_API_KEYS are taken away there")
    show({"id": key_id, "revoked": True}, f"{key_id} is revoked", as_json=as_json)


@click.group()
def audit() -> None:
    """Look at who read whose record."""


@audit.command("list")
@click.option("--since", metavar="TIME", callback=time_option, help="Only what was read since then.")
@click.option("--key", metavar="ID", help="Only what was read with the API key of this id.")
@click.option("--actor", metavar="NAME", help="Only what this one read: key:ID, or cli:ACCOUNT.")
@click.option("--person", metavar="WHO", help="Only readings of this person, with their purposes: an id or KIND:VALUE.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, help="How many of the latest.")
@json_option
def audit_list(
    since: datetime | None, key: str | None, actor: str | None, person: str | None, limit: int, as_json: bool
) -> None:
    """List readings of persons' records, the latest first. Persons stand there by pseudonyms."""
    who = identified(person) if person else None
    with Wiring(Settings()) as wiring:
        wiring.provision()
        streams = asyncio.run(_streams(wiring, who)) if who is not None else None
        by = f"key:{key}" if key else actor
        found = wiring.audit.latest(limit, since=since, actor=by, streams=streams)
    words = "\n".join(map(_line, found)) or "Nobody has read anything."
    show({"entries": [_entry(each) for each in found]}, words, as_json=as_json)


async def _streams(wiring: Wiring, who: Any) -> list[UUID]:
    reader = wiring.reader()
    try:
        queries = wiring.queries(reader)
        stream = who if isinstance(who, UUID) else await queries.find(who)
        if stream is None:
            fail("nobody is known by that")
        person, _ = await reader.person(stream, patient=True)
        return list({stream, person.person_id, *person.streams})
    finally:
        await reader.close()


def _told(key: ApiKey, state: str) -> dict[str, Any]:
    rate = key.rate and {"per_s": key.rate.per_s, "burst": key.rate.burst}
    return {"id": key.id, "state": state, "scopes": sorted(key.scopes), "public": key.public, "rate": rate}


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "position": entry.position,
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "person": entry.person,
        "purpose": entry.purpose,
    }


def _line(entry: Entry) -> str:
    when = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{when}  {entry.actor:<24} {entry.action:<20} {entry.person or 'erased':<32} {entry.purpose or ''}".rstrip()
