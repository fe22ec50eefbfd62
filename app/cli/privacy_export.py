"""``privacy export``: everything about a person, for the person."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from app.cli.customers import account, accounted, identified, purpose_option
from app.cli.output import fail, json_option, show
from app.rights.exporting import ExportPathError, exports_of, save, targets
from app.settings import Settings
from app.wiring import Wiring
from commands.rights import GrantAccess
from domain.identity import Identifier


@click.command()
@click.argument("who")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder for both, or a file that ends in .json or .html.",
)
@click.option("--request", metavar="ID", help="The request for access that this answers; it is recorded as answered.")
@purpose_option
@json_option
def export(who: str, out: Path, request: str | None, purpose: str | None, as_json: bool) -> None:
    """Write everything about WHO into files: events, links, consents, profile, decisions and their reasons.

    WHO is a person's or stream's id, or KIND:VALUE, as in email:maria@example.org.
    """
    named = identified(who)
    with Wiring(Settings()) as wiring:
        wiring.provision()
        stream = known(wiring, named)
        made_at = datetime.now(UTC)
        found = exports_of(wiring).dossier(stream, made_at)
        if found is None:
            fail("nobody is known by that")
        accounted(wiring, "privacy.export", found.person_id, purpose)
        try:
            files = targets(out)
            written = save(files, found)
        except ExportPathError as error:
            fail(str(error))
        if request is not None:
            _granted(wiring, found.person_id, request, made_at)
    told = {"person_id": str(found.person_id), "files": [str(file) for file in files], "bytes": written}
    events = sum(stream.events for stream in found.streams)
    words = f"{events:,} events of {len(found.streams)} streams, {written:,} bytes: {', '.join(map(str, files))}"
    show(told | {"status": found.profile.status, "events": events}, words, as_json=as_json)


def known(wiring: Wiring, named: UUID | Identifier) -> UUID:
    """The stream of an id or identifier, by the directory. Ends the command where nobody is known by it."""
    stream = named if isinstance(named, UUID) else wiring.directory.find(named)
    if stream is None:
        fail("nobody is known by that")
    return stream


def _granted(wiring: Wiring, person: UUID, request: str, at: datetime) -> None:
    command = GrantAccess(
        source_id=f"access:{request[:200]}", occurred_at=at, stream=person, request_id=request, by=f"cli:{account()}"
    )
    (outcome,) = wiring.bus().dispatch([command])
    if outcome.refused:
        fail("the request could not be recorded as answered: " + outcome.refused)
