"""``models``: which artefacts there are, which is in use, and putting another into use."""

import json
from datetime import UTC, datetime
from typing import Any

import click
from msgspec import to_builtins

from app.cli.output import json_option, show
from app.models import operate as found
from app.settings import Settings
from ml.artefacts import Artefact, Manifest, Registry, prune
from ml.artefacts.manifest import Position

SHORT = 12
NOTHING = "There is no model yet. Make one: bespoke train"
UNITS = ("B", "kB", "MB", "GB")


@click.group()
def models() -> None:
    """List, inspect, promote and roll back model artefacts. No server is needed."""


@models.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All artefacts, the newest first; * marks what is in use."""
    every = found.every(Settings())
    lines = [_line(model) for model in every]
    show({"models": [model.as_json() for model in every]}, "\n".join(lines) or NOTHING, as_json=as_json)


@models.command("show")
@click.argument("digest", required=False)
@json_option
def show_(digest: str | None, as_json: bool) -> None:
    """What an artefact is: kind, configuration, metrics, data position, members, arrays. Without DIGEST, of which the
    beginning is enough: the one in use."""
    settings = Settings()
    artefact = found.one(settings, digest)
    in_use = Registry(settings.models_folder()).in_use(artefact.manifest.kind) == artefact.digest
    said = {"digest": artefact.digest, "in_use": in_use, "bytes": artefact.size}
    show(said | to_builtins(artefact.manifest), _in_words(artefact, in_use), as_json=as_json)


@models.command()
@click.argument("digest")
@json_option
def promote(digest: str, as_json: bool) -> None:
    """Put an artefact into use, if all of it is as it was written. The beginning of its DIGEST is enough."""
    _now_in_use(found.promote(Settings(), digest), as_json)


@models.command()
@click.argument("kind", required=False)
@json_option
def rollback(kind: str | None, as_json: bool) -> None:
    """Put the artefact into use that was before. KIND is needed where several kinds are in use."""
    _now_in_use(found.roll_back(Settings(), kind), as_json)


@models.command("prune")
@json_option
def prune_(as_json: bool) -> None:
    """Delete artefacts that are in no slot's last ten promotions, and an hour old or more."""
    gone = prune(Settings().models_folder())
    words = f"deleted: {', '.join(digest[:SHORT] for digest in gone)}" if gone else "there is nothing to delete"
    show({"deleted": gone}, words, as_json=as_json)


def _now_in_use(artefact: Artefact, as_json: bool) -> None:
    kind = artefact.manifest.kind
    words = f"{kind} {artefact.digest[:SHORT]} is in use now."
    show({"kind": kind, "in_use": artefact.digest}, words, as_json=as_json)


def _line(model: found.Model) -> str:
    mark = "*" if model.slots else " "
    written = datetime.fromtimestamp(model.written_s, UTC).strftime("%Y-%m-%d %H:%M")
    if model.manifest is None:
        return f"{mark} {model.digest[:SHORT]}  {written}  damaged: {model.problem}"
    head = f"{mark} {model.digest[:SHORT]}  {written}  {model.manifest.kind:<12} {_size(model.size):>8}"
    return f"{head}  {'held  ' if model.held else ''}{_numbers(model.manifest)}".rstrip()


def _numbers(manifest: Manifest) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items())


def _size(size: float) -> str:
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {UNITS[-1]}"


def _in_words(artefact: Artefact, in_use: bool) -> str:
    said = artefact.manifest
    rows: list[tuple[str, Any]] = [
        ("digest", artefact.digest + (" (in use)" if in_use else "")),
        ("kind", said.kind),
        ("code", f"{said.code.version}, commit {said.code.commit or 'unknown'}"),
        ("data", _position(said.position)),
        *((f"config.{name}", json.dumps(value)) for name, value in said.config.items()),
        *((name, f"{value:.6g}") for name, value in said.metrics.items()),
        *((f"member {role}", digest) for role, digest in said.members.items()),
        *((name, text) for name, text in said.origin.items()),
        *(
            (f"array {array.name}", f"{array.dtype[1:]} {list(array.shape)}, {_size(array.size)}")
            for array in said.arrays
        ),
    ]
    return "\n".join(f"{name:<20} {value}" for name, value in rows)


def _position(position: Position) -> str:
    parts = [f"data set {position.dataset}"] if position.dataset else []
    if position.shards:
        parts.append(f"positions {', '.join(map(str, position.shards))} of the shards (epoch {position.epoch})")
    if position.catalogue is not None:
        parts.append(f"position {position.catalogue} of the catalogue")
    return "; ".join(parts) or "not told"
