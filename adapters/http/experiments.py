"""The routes that tell of experiments: their designs, and how each came to what it is. They are changed by command."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from queries.experiments import Change, Told

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
    """Both."""
    shared: dict[str, Any] = {
        "tags": ["experiments"],
        "guards": [access.needs(Scope.EXPERIMENTS_READ)],
        "security": docs.KEY_SECURITY,
    }

    @get("/v1/experiments", operation_id="experiments", responses=docs.problems(*docs.READ_ERRORS), **shared)
    async def all_of_them(request: AnyRequest) -> list[Experiment]:
        """All experiments, by key."""
        only(request, ())
        return [_told(each) for each in await asyncio.to_thread(experiments)]

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
        return _told(found)

    return [all_of_them, one]


def _told(told: Told) -> Experiment:
    design = told.design.model_dump(mode="json", exclude_none=True)
    return Experiment(told.key, told.state, told.coverage, told.shipped, design, told.history)
