"""The routes that change experiments: the same commands as on the command line, under the same checks."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.auth import Access
from adapters.http.erasures import actor
from adapters.http.experiments import Experiment, Experiments, told_of
from adapters.http.idempotency import once
from adapters.http.keys import Scope
from adapters.http.ports import Writer
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
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
from commands.ports import ConflictError
from domain.experiment import BUCKETS, Coverage, Design, Shares
from domain.values import Name, Text
from queries.experiment_design import MOST_BYTES, check, wrong

LIMIT = 8 * 1024
LONGEST_KEY = 100
#: What the domain refuses names one of these before a colon, or speaks of the state.
_NAMED = re.compile(r"(buckets|variant): (.*)", re.DOTALL)


class Changed(msgspec.Struct, frozen=True):
    """``recorded``: events; 0 where this was recorded before. ``experiment``: as it is now."""

    recorded: int
    experiment: Experiment


Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Start(_Body):
    coverage: Coverage = BUCKETS


class _Ramp(_Body):
    coverage: Coverage


class _Reweight(_Body):
    buckets: Shares


class _Reason(_Body):
    reason: Text = ""


class _Ship(_Reason):
    variant: Name


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    command: type[ExperimentCommand]
    body: type[BaseModel]
    what: str
    fields: str


CHANGES = (
    _Change("start", StartExperiment, _Start, "Lets people in", "coverage in 10,000ths, all if nothing is said"),
    _Change("ramp", RampExperiment, _Ramp, "Another coverage; whoever is in stays", "coverage in 10,000ths"),
    _Change("reweight", ReweightExperiment, _Reweight, "Other shares; whoever is in stays", "buckets by variant"),
    _Change("pause", PauseExperiment, _Reason, "Lets nobody new in; whoever is in stays", "reason"),
    _Change("resume", ResumeExperiment, _Body, "Goes on after a pause", "nothing"),
    _Change("ship", ShipExperiment, _Ship, "One variant for everybody", "variant, reason"),
    _Change("stop", StopExperiment, _Reason, "Ends it, and what was shipped", "reason"),
)


@dataclass(frozen=True, slots=True)
class ExperimentDesk:
    """``writer`` goes straight to the log: it answers when it is stored. ``has_model``: whether there is an artefact
    with a hash."""

    writer: Writer
    has_model: Callable[[str], bool]
    now: Callable[[], datetime]

    async def send(
        self, request: AnyRequest, kind: type[ExperimentCommand], name: str, fields: Mapping[str, Any]
    ) -> int:
        """How many events were recorded. Raises RejectedError (409), DesignError, UnavailableError."""
        source = once(request, f"experiment-{name}") or f"http:{uuid4()}"
        about = {"source_id": source, "occurred_at": self.now(), "actor": actor(request.auth)}
        try:
            (outcome,) = await self.writer.submit([kind.model_validate({**about, **fields})])
        except ValidationError as error:
            raise wrong(error) from None
        except ConflictError:
            raise RejectedError("key", "changes all the time; try again", 409) from None
        if outcome.refused:
            named = _NAMED.fullmatch(outcome.refused)
            raise RejectedError(named[1] if named else "key", named[2] if named else outcome.refused, 409)
        return outcome.events

    async def checked(self, design: Design) -> Design:
        """Raises DesignError."""
        await asyncio.to_thread(check, design, self.has_model)
        return design


def experiment_change_routes(desk: ExperimentDesk, experiments: Experiments, access: Access) -> list[HTTPRouteHandler]:
    """All of them."""
    shared: dict[str, Any] = {
        "tags": ["experiments"],
        "status_code": 200,
        "guards": [access.needs(Scope.EXPERIMENTS_WRITE, secret=True)],
        "security": docs.KEY_SECURITY,
    }
    return [_design(desk, experiments, shared), *(_change(desk, experiments, shared, each) for each in CHANGES)]


def _design(desk: ExperimentDesk, experiments: Experiments, shared: dict[str, Any]) -> HTTPRouteHandler:
    @post(
        "/v1/experiments/{key:str}",
        operation_id="designExperiment",
        request_max_body_size=MOST_BYTES,
        operation_class=docs.body_of(f"A design, at most {MOST_BYTES // 1024} KiB", bodies.JSON),
        responses=docs.problems(*docs.WRITE_ERRORS),
        **shared,
    )
    async def design(request: AnyRequest, key: str) -> Changed:
        """A new experiment, as the body designs it. Nobody is in it before it is started. 409 where the key is taken.
        With an Idempotency-Key it is recorded once."""
        if not 1 <= len(key.strip()) <= LONGEST_KEY:
            raise RejectedError("key", f"must have 1 to {LONGEST_KEY} characters", 400)
        given = await desk.checked(await _read(request, Design))
        recorded = await desk.send(request, DesignExperiment, "design", {"key": key, "design": given})
        return Changed(recorded, await _one(experiments, key))

    return design


def _change(
    desk: ExperimentDesk, experiments: Experiments, shared: dict[str, Any], change: _Change
) -> HTTPRouteHandler:
    async def handle(request: AnyRequest, key: str) -> Changed:
        body = await _read(request, change.body)
        await _one(experiments, key)
        fields = {"key": key, **{name: getattr(body, name) for name in type(body).model_fields}}
        recorded = await desk.send(request, change.command, change.name, fields)
        return Changed(recorded, await _one(experiments, key))

    return post(
        f"/v1/experiments/{{key:str}}/{change.name}",
        name=f"experiment_{change.name}",
        operation_id=f"{change.name}Experiment",
        summary=change.what,
        request_max_body_size=LIMIT,
        operation_class=docs.body_of(change.fields, bodies.JSON),
        responses=docs.problems(404, *docs.WRITE_ERRORS),
        **shared,
    )(handle)


async def _read(request: AnyRequest, shape: type[Body]) -> Body:
    only(request, ())
    body = await bodies.read(request, bodies.JSON)
    try:
        return shape.model_validate_json(body or b"{}")
    except (ValidationError, RecursionError) as error:
        raise wrong(error, "body") from None


async def _one(experiments: Experiments, key: str) -> Experiment:
    """As it is now. Raises RejectedError (404)."""
    found: Sequence[Any] = await asyncio.to_thread(experiments)
    one = next((each for each in found if each.key == key.strip()), None)
    if one is None:
        raise RejectedError("key", "there is no such experiment", 404)
    return told_of(one)
