"""``officers``: who may use the compliance page."""

from typing import Any

import click

from adapters.http.compliance.officers import Role
from adapters.officers import MadeOfficer
from app.cli.output import fail, json_option, show
from app.settings import Settings
from app.wiring import Wiring


@click.group()
def officers() -> None:
    """Add, list and remove officers, who use the compliance page."""


@officers.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="What they may do: ask for erasures, or approve what others asked for. May be given twice.",
)
@json_option
def add(name: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Make an officer's key and print it, this once: only its digest is kept. NAME stands in the audit log."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            key = wiring.officers.add(name, [Role(role) for role in roles])
        except ValueError as error:
            fail(str(error))
    show({"id": name, "key": key, "roles": sorted(roles)}, key, as_json=as_json)


@officers.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all officers, also those that were removed, without their keys."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = [_told(each) for each in wiring.officers.all()]
    lines = [f"{each['id']:<40} {each['state']:<8} {', '.join(each['roles'])}" for each in found]
    show({"officers": found}, "\n".join(lines) or "There are no officers.", as_json=as_json)


@officers.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Take an officer's key away; their sessions end at once. The name is never given again."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        removed = wiring.officers.revoke(name)
    if not removed:
        fail("there is no officer with this name")
    show({"id": name, "removed": True}, f"{name} is removed", as_json=as_json)


def _told(made: MadeOfficer) -> dict[str, Any]:
    state = "removed" if made.revoked else "good"
    return {"id": made.officer.id, "state": state, "roles": sorted(made.officer.roles)}
