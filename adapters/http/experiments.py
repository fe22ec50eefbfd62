"""The routes that tell of experiments: their designs, and how each came to what it is."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from pydantic import BaseModel, Field, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from queries.experiment_plan import PlanAsk, PlanError, plan
from queries.experiments import Change, Told

_Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
_Share = Annotated[float, Field(gt=0, lt=1)]

#: All experiments that there ever were. Raises UnavailableError.
Experiments = Callable[[], Sequence[Told]]


class Experiment(msgspec.Struct, frozen=True):
    """``coverage`` in 10,000ths; ``design`` with the shares that hold now; ``shipped``: the variant that is for
    everybody."""

    key: str
    state: str
    coverage: int
    shipped: str | None
    design: dict[str, Any]
    history: tuple[Change, ...]


def experiment_routes(experiments: Experiments, access: Access) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    shared: dict[str, Any] = {
        "tags": ["experiments"],
        "guards": [access.needs(Scope.EXPERIMENTS_READ)],
        "security": docs.KEY_SECURITY,
    }

    @get("/v1/experiments", operation_id="experiments", responses=docs.problems(*docs.READ_ERRORS), **shared)
    async def all_of_them(request: AnyRequest) -> list[Experiment]:
        """All experiments, by key."""
        only(request, ())
        return [told_of(each) for each in await asyncio.to_thread(experiments)]

    @get(
        "/v1/experiments/{key:str}",
        operation_id="experiment",
        responses=docs.problems(404, *docs.READ_ERRORS),
        **shared,
    )
    async def one(request: AnyRequest, key: str) -> Experiment:
        """An experiment: its design, its state, and all that was changed."""
        only(request, ())
        found = next((each for each in await asyncio.to_thread(experiments) if each.key == key), None)
        if found is None:
            raise RejectedError("key", "there is no such experiment", 404)
        return told_of(found)

    @get("/v1/experiment-plan", operation_id="experimentPlan", responses=docs.problems(*docs.READ_ERRORS), **shared)
    async def experiment_plan(request: AnyRequest) -> dict[str, Any]:
        """How many units, for how long, to see how much: `rate`, or `mean` and `sd`; `effect`, or `units`, or `daily`
        and `days`; `alpha`, `power`, `share`, `arms`, `rho`, `sequential`."""
        only(request, tuple(_Plan.model_fields))
        return _planned(dict(request.query_params))

    return [all_of_them, one, experiment_plan]


class _Plan(BaseModel):
    """Parameters, bounded as the command line has them."""

    rate: _Share | None = None
    mean: _Number | None = None
    sd: Annotated[_Number, Field(gt=0)] | None = None
    effect: _Number | None = None
    units: Annotated[int, Field(ge=2, le=10**12)] | None = None
    daily: Annotated[_Number, Field(gt=0)] | None = None
    days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    alpha: _Share = 0.05
    power: _Share = 0.8
    share: _Share = 0.5
    arms: Annotated[int, Field(ge=2, le=50)] = 2
    rho: Annotated[_Number, Field(gt=-1, lt=1)] = 0.0
    sequential: bool = False


def _planned(given: dict[str, str]) -> dict[str, Any]:
    """Raises RejectedError (400) that names the parameter."""
    try:
        return plan(PlanAsk(**_Plan.model_validate(given).model_dump()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise RejectedError(str(first["loc"][0]), first["msg"], 400) from None
    except PlanError as error:
        raise RejectedError(error.field, error.reason, 400) from None
    except (ValueError, OverflowError):
        raise RejectedError("query", "there is no such plan", 400) from None


def told_of(told: Told) -> Experiment:
    """As HTTP tells of it."""
    design = told.design.model_dump(mode="json", exclude_none=True)
    return Experiment(told.key, told.state, told.coverage, told.shipped, design, told.history)
