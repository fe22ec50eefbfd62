"""Experiments over HTTP: told, planned, and changed by the commands that the command line has."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from commands.experiment import DesignExperiment
from domain.experiment import Design
from queries.experiment_plan import PlanAsk, plan
from tests.adapters.http.fakes import ADMIN, ADMIN_KEY, MODEL, NOW, MemoryWriter, bearer

Client = TestClient[Litestar]


def test_experiments_are_told_with_what_was_changed(client: Client) -> None:
    (told,) = client.get("/v1/experiments", headers=bearer(ADMIN)).json()
    assert told == client.get("/v1/experiments/hero", headers=bearer(ADMIN)).json()
    assert (told["key"], told["state"], told["coverage"], told["shipped"]) == ("hero", "running", 10_000, None)
    assert [variant["buckets"] for variant in told["design"]["variants"]] == [5_000, 5_000]
    assert [change["does"] for change in told["history"]] == ["designed", "started"]


@pytest.mark.parametrize(("path", "status"), [("none", 404), ("x" * 500, 404), ("hero?all=1", 400)])
def test_what_there_is_none_of_is_named(client: Client, path: str, status: int) -> None:
    answer = client.get(f"/v1/experiments/{path}", headers=bearer(ADMIN))
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] in ("key", "all", "query")


def test_a_plan_is_that_of_the_command_line(client: Client) -> None:
    told = client.get(
        "/v1/experiment-plan?rate=.03&effect=.05&daily=20000&sequential=true", headers=bearer(ADMIN)
    ).json()
    assert told == plan(PlanAsk(rate=0.03, effect=0.05, daily=20_000, sequential=True)) and told["days"] > 1
    shown = client.get("/v1/experiment-plan?mean=42&sd=80&units=100000", headers=bearer(ADMIN)).json()
    assert shown["units"] == 100_000 and 0 < shown["effect"] < 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rate=.03", "effect"),
        ("effect=.05", "rate"),
        ("rate=1.5&effect=.1", "rate"),
        ("rate=nan&effect=.1", "rate"),
        ("rate=.03&effect=inf", "effect"),
        ("rate=.03&effect=0", "query"),
        ("rate=.03&units=1", "units"),
        ("rate=.03&effect=.1&arms=99", "arms"),
        ("rate=.03&effect=.1&colour=red", "query"),
    ],
)
def test_a_plan_that_cannot_be_names_why(client: Client, query: str, field: str) -> None:
    answer = client.get(f"/v1/experiment-plan?{query}", headers=bearer(ADMIN))
    assert (answer.status_code, answer.json()["field"]) == (400, field)


DESIGN: dict[str, Any] = {
    "hypothesis": "it helps",
    "primary_metric": "conversion",
    "variants": [
        {"name": "control", "buckets": 5_000},
        {"name": "bold", "buckets": 5_000, "changes": {"model": MODEL}},
    ],
}
SECRET = "ann@canary.example"


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    about = bearer(ADMIN) | {"Content-Type": "application/json"} | named
    return client.post(f"/v1/experiments/{path}", content=content, headers=about)


def test_an_experiment_is_designed_by_whoever_holds_the_key(client: Client, writer: MemoryWriter) -> None:
    answer = post(client, "hero", DESIGN)
    ((command,),) = writer.calls
    assert isinstance(command, DesignExperiment) and command.design == Design.model_validate(DESIGN)
    assert (command.key, command.actor, command.occurred_at) == ("hero", f"key:{ADMIN_KEY.id}", NOW)
    assert answer.status_code == 200 and answer.json()["recorded"] == 1
    assert answer.json()["experiment"] == client.get("/v1/experiments/hero", headers=bearer(ADMIN)).json()


@pytest.mark.parametrize(
    ("change", "body", "kind", "fields"),
    [
        ("start", None, "StartExperiment", {"coverage": 10_000}),
        ("start", {"coverage": 500}, "StartExperiment", {"coverage": 500}),
        ("ramp", {"coverage": 2_500}, "RampExperiment", {"coverage": 2_500}),
        (
            "reweight",
            {"buckets": {"control": 1, "bold": 2}},
            "ReweightExperiment",
            {"buckets": {"control": 1, "bold": 2}},
        ),
        ("pause", {"reason": "a doubt"}, "PauseExperiment", {"reason": "a doubt"}),
        ("resume", b"", "ResumeExperiment", {}),
        ("ship", {"variant": "bold"}, "ShipExperiment", {"variant": "bold", "reason": ""}),
        ("stop", {"reason": "done"}, "StopExperiment", {"reason": "done"}),
    ],
)
def test_a_change_is_the_command_of_its_name(
    client: Client, writer: MemoryWriter, change: str, body: Any, kind: str, fields: dict[str, Any]
) -> None:
    assert post(client, f"hero/{change}", body).status_code == 200
    ((command,),) = writer.calls
    assert type(command).__name__ == kind
    said = command.model_dump()
    assert said.pop("source_id").startswith("http:")
    assert said == {"key": "hero", "actor": f"key:{ADMIN_KEY.id}", "occurred_at": NOW} | fields


def test_what_is_sent_again_is_recorded_once(client: Client, writer: MemoryWriter) -> None:
    told = [post(client, "hero/ramp", {"coverage": 5}, Idempotency_Key="one").json()["recorded"] for _ in range(2)]
    assert told == [1, 0] and post(client, "hero/pause", {}, Idempotency_Key="one").json()["recorded"] == 1
    assert writer.calls[0][0].source_id == f"experiment-ramp:{ADMIN_KEY.id}:one"
    answer = post(client, "hero/ramp", {"coverage": 5}, Idempotency_Key="x" * 101)
    assert (answer.status_code, answer.json()["field"]) == (400, "idempotency-key")


@pytest.mark.parametrize(
    ("path", "body", "status", "fields"),
    [
        ("none/start", None, 404, ["key"]),
        ("x" * 101, DESIGN, 400, ["key"]),
        ("%20", DESIGN, 400, ["key"]),
        ("hero?all=1", DESIGN, 400, ["query"]),
        ("hero", b"[" * 100_000, 422, ["body"]),
        ("hero", b"not json " + SECRET.encode(), 422, ["body"]),
        ("hero", DESIGN | {SECRET: 1}, 422, ["?"]),
        ("hero", DESIGN | {"variants": DESIGN["variants"][:1]}, 422, ["variants"]),
        ("hero", DESIGN | {"primary_metric": SECRET}, 422, ["primary_metric"]),
        ("hero", DESIGN | {"guardrail_metrics": [SECRET]}, 422, ["guardrail_metrics"]),
        ("hero", DESIGN | {"power": 2, "hypothesis": "x" * 501}, 422, ["hypothesis", "power"]),
        ("hero/start", {"coverage": 10_001}, 422, ["coverage"]),
        ("hero/ramp", None, 422, ["coverage"]),
        ("hero/ramp", {"coverage": "half"}, 422, ["coverage"]),
        ("hero/reweight", {"buckets": {"control": 5_000}}, 422, ["buckets"]),
        ("hero/reweight", {"buckets": {"control": 5, SECRET: -1}}, 422, ["buckets.?"]),
        ("hero/pause", {"reason": "x" * 501}, 422, ["reason"]),
        ("hero/pause", {"key": "other"}, 422, ["key"]),
        ("hero/resume", {"actor": "somebody"}, 422, ["?"]),
        ("hero/ship", {"reason": "r"}, 422, ["variant"]),
        ("hero/stop", [], 422, ["body"]),
    ],
)
def test_what_cannot_be_asked_is_named_and_never_repeated(
    client: Client, writer: MemoryWriter, path: str, body: Any, status: int, fields: list[str]
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == status, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == fields
    assert SECRET not in answer.text and writer.calls == []


def test_an_arm_names_a_model_that_there_is(client: Client, writer: MemoryWriter) -> None:
    lost = [DESIGN["variants"][0], {"name": "bold", "buckets": 5_000, "changes": {"model": "b" * 64}}]
    answer = post(client, "hero", DESIGN | {"variants": lost})
    assert (answer.status_code, answer.json()["field"]) == (422, "variants.1.changes.model")
    assert writer.calls == []


@pytest.mark.parametrize(
    ("change", "body", "refusal", "field"),
    [
        ("resume", None, "cannot resume an experiment that is running", "key"),
        ("ship", {"variant": "x"}, "variant: there is none of this name", "variant"),
        ("reweight", {"buckets": {"a": 1, "b": 2}}, "buckets: give a share for each variant, and no other", "buckets"),
    ],
)
def test_what_the_state_does_not_allow_is_a_conflict(
    client: Client, writer: MemoryWriter, change: str, body: Any, refusal: str, field: str
) -> None:
    writer.refuses = refusal
    answer = post(client, f"hero/{change}", body)
    assert (answer.status_code, answer.json()["field"]) == (409, field)
    assert answer.json()["reason"] == refusal.removeprefix(f"{field}: ")
