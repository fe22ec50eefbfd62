"""``experiment``: experiments, designed, started, ramped, paused, shipped and stopped."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from pydantic import ValidationError

from app.cli.experiment_power import power
from app.cli.experiment_report import report_
from app.cli.output import fail, json_option, show
from app.models.in_use import ModelsInUse
from app.projecting import process as project
from app.settings import Settings
from app.wiring import Wiring
from commands.experiment import (
    DesignExperiment,
    ExperimentCommand,
    PauseExperiment,
    RampExperiment,
    ResumeExperiment,
    ReweightExperiment,
    ShipExperiment,
    StartExperiment,
    StopExperiment,
)
from domain.experiment import BUCKETS, Design
from queries.experiment_design import MOST_BYTES, DesignError, check, wrong
from queries.experiments import Change, Told, experiments_of

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PERCENT = click.FloatRange(0, 100)
reason_option = click.option("--reason", default="", help="Why, for whoever looks at it later.")


@click.group()
def experiment() -> None:
    """Design experiments, start, ramp, pause and end them. Each change is an event."""


experiment.add_command(power)
experiment.add_command(report_)


@experiment.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All experiments, with their state and the shares of their variants."""
    found = _all()
    lines = [_line(each) for each in found] or ["There are none yet. Design one: bespoke experiment design KEY FILE"]
    show({"experiments": [each.plain() for each in found]}, "\n".join(lines), as_json=as_json)


@experiment.command("show")
@click.argument("key")
@json_option
def show_(key: str, as_json: bool) -> None:
    """The design of the experiment KEY, its state, and all that was changed."""
    found = _find(key)
    lines = [_line(found), _json(found.design.model_dump(mode="json"))]
    lines += [_changed(change) for change in found.history]
    show(found.plain(), "\n".join(lines), as_json=as_json)


@experiment.command()
@click.argument("key")
@click.argument("file", type=FILE)
@json_option
def design(key: str, file: Path, as_json: bool) -> None:
    """A new experiment KEY, designed as FILE says (JSON). Nobody is in it before it is started."""
    given = _read(file)
    models = ModelsInUse(Settings().models_folder())
    try:
        check(given, lambda digest: models.opened(digest) is not None)
    except DesignError as error:
        fail(str(error))
    _tell(DesignExperiment, key, as_json, design=given)


@experiment.command()
@click.argument("key")
@click.option("--coverage", type=PERCENT, default=100.0, show_default=True, help="Percent of each variant's share.")
@json_option
def start(key: str, coverage: float, as_json: bool) -> None:
    """Let people in, at once in all processes. The design is fixed from now on."""
    _tell(StartExperiment, key, as_json, coverage=_buckets(coverage))


@experiment.command()
@click.argument("key")
@click.argument("coverage", type=PERCENT)
@json_option
def ramp(key: str, coverage: float, as_json: bool) -> None:
    """Let COVERAGE percent of each variant's share in. Whoever is in stays in their arm."""
    _tell(RampExperiment, key, as_json, coverage=_buckets(coverage))


@experiment.command()
@click.argument("key")
@click.argument("shares", nargs=-1, required=True, metavar="VARIANT=PERCENT...")
@json_option
def reweight(key: str, shares: tuple[str, ...], as_json: bool) -> None:
    """Other shares for those who come from now on. Whoever is in stays in their arm."""
    _tell(ReweightExperiment, key, as_json, buckets=dict(_share(each) for each in shares))


@experiment.command()
@click.argument("key")
@reason_option
@json_option
def pause(key: str, reason: str, as_json: bool) -> None:
    """Let nobody new in. Whoever is in stays in their arm."""
    _tell(PauseExperiment, key, as_json, reason=reason)


@experiment.command()
@click.argument("key")
@json_option
def resume(key: str, as_json: bool) -> None:
    """Go on after a pause."""
    _tell(ResumeExperiment, key, as_json)


@experiment.command()
@click.argument("key")
@reason_option
@json_option
def stop(key: str, reason: str, as_json: bool) -> None:
    """End it: nobody is in it any more, and what was shipped is so no more."""
    _tell(StopExperiment, key, as_json, reason=reason)


@experiment.command()
@click.argument("key")
@click.argument("variant")
@reason_option
@json_option
def ship(key: str, variant: str, reason: str, as_json: bool) -> None:
    """End it for VARIANT: what that changes is so for everybody, until the experiment is stopped."""
    _tell(ShipExperiment, key, as_json, variant=variant, reason=reason)


def _all() -> list[Told]:
    with Wiring(Settings()) as wiring:
        wiring.provision()
        return experiments_of(wiring.experiment_events())


def _find(key: str) -> Told:
    return next((each for each in _all() if each.key == key), None) or fail("there is no experiment with this key")


def _read(file: Path) -> Design:
    text = file.read_bytes()
    if len(text) > MOST_BYTES:
        fail(f"the design is larger than {MOST_BYTES} bytes")
    try:
        return Design.model_validate_json(text)
    except (ValidationError, RecursionError) as error:
        fail(f"the design: {wrong(error)}")


def _tell(kind: type[ExperimentCommand], key: str, as_json: bool, **fields: Any) -> None:
    """Asks the experiment, and says what is so now."""
    try:
        command = kind(source_id=f"cli:{uuid4()}", occurred_at=datetime.now(UTC), key=key, actor="cli", **fields)
    except ValidationError as error:
        raise click.BadParameter(str(wrong(error))) from None
    with Wiring(Settings()) as wiring:
        wiring.provision()
        (outcome,) = wiring.bus().dispatch([command])
        if outcome.refused:
            fail(outcome.refused)
        found = next(each for each in experiments_of(wiring.experiment_events()) if each.key == command.key)
        running = project.is_running(wiring)
    lines = [_line(found)]
    if not running:
        lines.append("No projector is running: it counts once one is. Start it: bespoke project --follow")
    show({**found.plain(), "projector": running}, "\n".join(lines), as_json=as_json)


def _buckets(percent: float) -> int:
    return round(percent * BUCKETS / 100)


def _share(text: str) -> tuple[str, int]:
    name, _, percent = text.rpartition("=")
    try:
        return name, _buckets(float(PERCENT(percent)))
    except click.BadParameter:
        raise click.BadParameter("must be VARIANT=PERCENT", param_hint="VARIANT=PERCENT") from None


def _line(told: Told) -> str:
    shares = ", ".join(f"{v.name} {v.buckets / 100:g} %" for v in told.design.variants)
    shipped = f", {told.shipped} for everybody" if told.state == "shipped" else ""
    return f"{told.key:<30} {told.state:<9} coverage {told.coverage / 100:g} %, {shares}{shipped}"


def _changed(change: Change) -> str:
    by = f"  ({change.by})" if change.by else ""
    return f"{_when(change.at_ms)}  {change.does:<11} {_said(change.to)}".rstrip() + by


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _said(to: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in to.items() if value not in ("", None))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
