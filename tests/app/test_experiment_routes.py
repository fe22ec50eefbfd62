"""Experiments changed over HTTP, on real servers: what is answered is in the log, with the key that asked for it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from adapters.http import Access, ApiKeys, Metrics, Scope, generate
from adapters.http.experiment_changes import ExperimentDesk
from adapters.http.writer import BusWriter
from app.models.in_use import ModelsInUse
from app.wiring import Wiring
from domain.experiment import Experiment
from queries.experiments import experiments_of
from tests.adapters.http.fakes import MemoryReader, MemoryWriter, app, bearer
from tests.app.test_cli import answered, bespoke

SCOPES = [Scope.EXPERIMENTS_WRITE, Scope.EXPERIMENTS_READ]
ANALYST, READER = generate(SCOPES, id="analyst"), generate(SCOPES[1:], id="reader")
DESIGN = {
    "hypothesis": "more margin costs no conversion",
    "primary_metric": "conversion",
    "variants": [
        {"name": "control", "buckets": 5_000},
        {"name": "margin", "buckets": 5_000, "changes": {"weights": {"margin": 0.5}}},
    ],
}


class House:
    """A web process over a real namespace."""

    def __init__(self, wiring: Wiring, writer: BusWriter) -> None:
        models = ModelsInUse(wiring.settings.models_folder())
        desk = ExperimentDesk(writer, lambda each: models.opened(each) is not None, lambda: datetime.now(UTC))
        made = app(
            MemoryWriter(),
            MemoryReader(),
            Metrics(),
            access=Access(ApiKeys([ANALYST[1], READER[1]])),
            experiments=lambda: experiments_of(wiring.experiment_events()),
            designing=desk,
        )
        self.wiring, self.client = wiring, TestClient(made, raise_server_exceptions=False)

    def post(self, path: str, body: Any = None, key: str = ANALYST[0], **headers: str) -> tuple[int, Any]:
        named = bearer(key) | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post(f"/v1/experiments/{path}", json=body or {}, headers=named)
        return answer.status_code, answer.json()


@pytest.fixture
def house(wiring: Wiring) -> Iterator[House]:
    writer = BusWriter(wiring.bus())
    made = House(wiring, writer)
    with made.client:
        yield made
    writer.close()


def test_the_life_of_an_experiment_by_http_alone(house: House) -> None:
    status, told = house.post("hero", DESIGN)
    assert (status, told["recorded"], told["experiment"]["state"]) == (200, 1, "designed")
    assert house.post("hero/start", {"coverage": 1_000})[1]["experiment"]["state"] == "running"
    assert house.post("hero/ramp", {"coverage": 4_000})[1]["experiment"]["coverage"] == 4_000
    shares = house.post("hero/reweight", {"buckets": {"control": 2_000, "margin": 8_000}})[1]["experiment"]
    assert [variant["buckets"] for variant in shares["design"]["variants"]] == [2_000, 8_000]
    assert house.post("hero/pause", {"reason": "a doubt"})[1]["experiment"]["state"] == "paused"
    assert house.post("hero/resume")[1]["experiment"]["state"] == "running"
    assert house.post("hero/ship", {"variant": "margin"})[1]["experiment"]["shipped"] == "margin"
    status, told = house.post("hero/stop", {"reason": "done"})
    assert (status, told["experiment"]["state"]) == (200, "stopped")
    shown = answered(bespoke("experiment", "show", "hero", "--json", settings=house.wiring.settings))
    assert [change["does"] for change in shown["history"]] == [
        *("designed", "started", "ramped", "reweighted", "paused", "resumed", "shipped", "stopped")
    ]
    assert {change["by"] for change in shown["history"]} == {"key:analyst"}
    events = [fact for fact in house.wiring.experiment_events() if isinstance(fact, Experiment.Event)]
    assert {fact.actor for fact in events} == {"key:analyst"}


def test_what_is_sent_twice_is_recorded_once_and_what_cannot_be_is_refused(house: House) -> None:
    told = [house.post("hero", DESIGN, Idempotency_Key="a") for _ in range(2)]
    assert [(status, each["recorded"]) for status, each in told] == [(200, 1), (200, 0)]
    status, problem = house.post("hero", DESIGN)
    assert (status, problem["field"]) == (409, "key")
    assert house.post("none/start")[0] == 404
    assert house.post("hero/resume") == (409, house.post("hero/resume")[1])
    assert [house.post("hero/start", Idempotency_Key="s")[1]["recorded"] for _ in range(2)] == [1, 0]
    assert house.post("hero/ship", {"variant": "none"})[1]["field"] == "variant"
    status, problem = house.post("hero/reweight", {"buckets": {"control": 9_000, "margin": 9_000}})
    assert (status, problem["field"]) == (409, "buckets")
    assert house.post("hero/stop", key=READER[0])[0] == 403
    changes = [{"name": "control", "buckets": 1}, {"name": "b", "buckets": 1, "changes": {"model": "c" * 64}}]
    status, problem = house.post("other", DESIGN | {"variants": changes})
    assert (status, problem["field"]) == (422, "variants.1.changes.model")
    (only,) = experiments_of(house.wiring.experiment_events())
    assert [change.does for change in only.history] == ["designed", "started"]
