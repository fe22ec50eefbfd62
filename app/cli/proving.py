"""``privacy bundle``, ``verify`` and ``public-key``: proofs of erasure, for whoever does not believe us."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from adapters.proof.bundle import MOST_BYTES, Verified, seal
from adapters.proof.bundle import verify as check
from adapters.proof.signing import PublicKeyError, Verifier
from app.cli.output import fail, json_option, show
from app.erasing.proof import NotErasedError, statement
from app.settings import Settings
from app.wiring import Wiring
from domain.proof import Statement

file_option = click.option(
    "--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True, help="The file to write."
)


@click.command()
@click.argument("request", metavar="REQUEST", type=click.UUID)
@file_option
@json_option
def bundle(request: UUID, out: Path, as_json: bool) -> None:
    """Write the signed proof of an erasure, as it can be given now.

    All stores are looked through for it. If anything is left, or the projector has not come so far yet, it says so and
    writes nothing. Write another one when the wrapping keys of the time are destroyed.
    """
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            said = statement(wiring, request)
        except NotErasedError as error:
            fail(str(error))
        sealed = seal(said, wiring.signer)
        found = check(sealed, wiring.signer.verifier)
    show(_told(found, said), _words(found, said), as_json=as_json)
    if not found.holds:
        raise SystemExit(1)
    out.write_bytes(sealed)


@click.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "public_key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The file of the public key, from: bespoke privacy public-key.",
)
@json_option
def verify(bundle: Path, public_key: Path, as_json: bool) -> None:
    """Check a proof with the public key alone, offline. Exit code 1 if anything in it does not hold."""
    try:
        verifier = Verifier.from_pem(_bytes(public_key, 10_000))
    except PublicKeyError as error:
        fail(f"{public_key}: {error}")
    found = check(_bytes(bundle, MOST_BYTES), verifier)
    show(_told(found, found.statement), _words(found, found.statement), as_json=as_json)
    if not found.holds:
        raise SystemExit(1)


@click.command("public-key")
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="A file to write it to.")
@json_option
def public_key(out: Path | None, as_json: bool) -> None:
    """The key that proofs are verified with, in PEM."""
    verifier = Wiring(Settings()).signer.verifier
    if out is not None:
        out.write_bytes(verifier.pem())
    pem = verifier.pem().decode()
    show({"key": verifier.key_id, "pem": pem}, f"{out}" if out else pem.rstrip(), as_json=as_json)


def _bytes(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        fail(f"{path} is larger than {most} bytes")
    return content


def _told(found: Verified, said: Statement | None) -> dict[str, Any]:
    told = {"holds": found.holds, "wrong": list(found.wrong)}
    if said is None:
        return told
    return told | {"request": str(said.request), "stage": said.stage.value, "streams": len(said.streams)}


def _words(found: Verified, said: Statement | None) -> str:
    lines = [f"  wrong: {each}" for each in found.wrong]
    if said is None:
        return "\n".join(["This does not hold.", *lines])
    lines += [
        f"  request     {said.request}, of {said.requested_at:%Y-%m-%d}",
        f"  made        {said.made_at:%Y-%m-%d %H:%M:%S}",
        f"  stage       {said.stage.value}",
        f"  streams     {len(said.streams)}, all in a tree of {said.head.size} with the root {said.head.root}",
        *(f"  swept       {each.store}: {each.removed} removed, {each.left} left" for each in said.sweeps),
        *(f"  retained    {each.topic}: {', '.join(each.fields)} ({each.ground})" for each in said.retained),
        *(f"  pending     {each.what}" for each in said.pending if each.done_at is None),
    ]
    if said.topic_gone_at is not None:
        lines.append(f"  topic       its last key dies at {said.topic_gone_at:%Y-%m-%d %H:%M}")
    return "\n".join(["The proof holds." if found.holds else "This does not hold.", *lines])
