"""Experiments by the command line, on real servers: designed, started, live in another process; exposures recorded."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.receipts.form import encode
from app.projecting import folding, runners
from app.wiring import Wiring
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from queries.recommend.ask import Wanted
from queries.recommend.decision import Decision
from readmodels.customer import CustomerRecord
from tests.app.looking import until
from tests.app.test_cli import answered, bespoke, refused
from tests.app.test_remaking import Notebook, record_of, shop, view

__all__ = ["shop"]
PRICES = {"name": "dear", "buckets": 10_000, "changes": {"price_percent": 10}}
CONTROL = {"name": "control", "buckets": 0}
LIMIT_S = 1.0


def written(folder: Path, **fields: Any) -> str:
    path = folder / "design.json"
    design = {"hypothesis": "dearer is fine", "primary_metric": "revenue", "variants": [CONTROL, PRICES], **fields}
    path.write_text(json.dumps(design))
    return str(path)


def test_from_a_design_to_what_is_shown_and_back(shop: Wiring, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return answered(bespoke("experiment", *words, "--json", settings=shop.settings))

    assert run("design", "prices", written(tmp_path))["state"] == "designed"
    asyncio.run(shown_within(shop, lambda: run("start", "prices"), dearer=True))
    assert run("pause", "prices", "--reason", "a doubt")["state"] == "paused"
    assert run("resume", "prices")["state"] == "running"
    assert run("reweight", "prices", "control=40", "dear=60")["design"]["variants"][1]["buckets"] == 6_000
    assert run("ramp", "prices", "25")["coverage"] == 2_500
    assert run("ship", "prices", "dear")["shipped"] == "dear"
    asyncio.run(
        shown_within(shop, lambda: run("stop", "prices", "--reason", "list prices are these now"), dearer=False)
    )
    told = run("show", "prices")
    assert [change["does"] for change in told["history"]] == [
        *("designed", "started", "paused", "resumed", "reweighted", "ramped", "shipped", "stopped")
    ]
    assert {each["key"] for each in run("list")["experiments"]} == {"prices", "weights", "page", "no-pins"}


async def shown_within(wiring: Wiring, change: Any, *, dearer: bool) -> None:
    """Another process shows other prices soon after the change is projected."""
    reader = wiring.reader()
    queries = wiring.queries(reader)
    who = Identifier(kind=IdentifierKind.ANONYMOUS, value="visitor-1")

    async def price() -> int | None:
        return min(
            item.price_cents or 0
            for item in (await queries.recommend(Wanted("home", 6, deadline_ms=10_000), who)).items
        )

    async def changed() -> bool:
        return await price() != before

    try:
        await reader.start()
        before = await price()
        await asyncio.to_thread(change)
        began = time.monotonic()
        await asyncio.to_thread(runners.catch_up, wiring, folding.start_generation(wiring))
        await until(changed)
        assert time.monotonic() - began < LIMIT_S + 1.0
        assert (await price() or 0) > (before or 0) if dearer else (await price() or 0) < (before or 0)
    finally:
        await reader.close()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"variants": [CONTROL]}, "variants"),
        ({"variants": [CONTROL, PRICES | {"changes": {"price_percent": 99}}]}, "variants.1.changes.price_percent"),
        ({"variants": [CONTROL, PRICES], "targeting": {"segments": {"$in": ["vip"]}}}, "prices may not depend"),
        ({"namespace": {"name": "n", "since": 9, "until": 3}}, "namespace"),
        ({"primary_metric": ""}, "primary_metric"),
    ],
)
def test_a_design_that_is_wrong_is_one_line(wiring: Wiring, tmp_path: Path, fields: Any, named: str) -> None:
    assert named in refused(bespoke("experiment", "design", "x", written(tmp_path, **fields), settings=wiring.settings))


def test_what_cannot_be_done_is_one_line(wiring: Wiring, tmp_path: Path) -> None:
    assert "no experiment" in refused(bespoke("experiment", "start", "none", settings=wiring.settings))
    answered(bespoke("experiment", "design", "x", written(tmp_path), "--json", settings=wiring.settings))
    assert "experiment with this key" in refused(
        bespoke("experiment", "design", "x", written(tmp_path), settings=wiring.settings)
    )
    assert refused(bespoke("experiment", "ship", "x", "dear", settings=wiring.settings))


def exposures(wiring: Wiring, stream: UUID) -> list[Customer.ExperimentExposed]:
    streams = dict(item for log in wiring.customers for item in log.streams([stream]))
    return [event for event in streams.get(stream, []) if isinstance(event, Customer.ExperimentExposed)]


def asked(wiring: Wiring, visitor: str, times: int) -> Notebook:
    """Answers for a visitor."""
    notebook = Notebook()

    async def ask() -> None:
        reader = wiring.reader()
        queries = wiring.queries(reader, keeper=notebook)
        try:
            await reader.start()
            for _ in range(times):
                await queries.recommend(
                    Wanted("home", 6, deadline_ms=10_000), Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor)
                )
        finally:
            await reader.close()

    asyncio.run(ask())
    return notebook


def moved(wiring: Wiring, decisions: list[Decision]) -> int:
    """By a process that knows of none of them yet."""
    spool = wiring.spool()
    for one in decisions:
        spool.append(encode(one))
    spool.close()
    return wiring.mover().move()


def test_each_arm_that_was_used_is_recorded_once(shop: Wiring) -> None:
    decisions = asked(shop, "visitor-2", 5).decisions
    person = decisions[0].person_id
    assert person is not None and len(decisions[0].arms) == 3
    assert moved(shop, decisions) == 5
    assert moved(shop, decisions) == 5, "brought again, as after a kill between the log and the note of it"
    recorded = exposures(shop, person)
    assert {(e.experiment, e.variant) for e in recorded} == set(decisions[0].arms.items()) and len(recorded) == 3
    assert recorded[0].decision_id == str(decisions[0].decision_id)
    runners.catch_up(shop, folding.start_generation(shop))
    later = asked(shop, "visitor-2", 1).decisions[0]
    record: CustomerRecord = record_of(shop, later)
    assert record.arms == dict(decisions[0].arms) == later.arms


def test_nothing_is_recorded_of_who_was_erased_and_all_of_the_others(shop: Wiring) -> None:
    gone, there = asked(shop, "visitor-3", 1).decisions[0], asked(shop, "visitor-4", 1).decisions[0]
    assert gone.person_id and there.person_id
    with shop.keyring.database.connection() as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (gone.person_id,))
    with Wiring(shop.settings, own_servers=False) as fresh:
        assert moved(fresh, [gone, there]) == 2
        assert len(exposures(fresh, there.person_id)) == 3
        assert exposures(fresh, gone.person_id) == []


def test_a_receipt_without_arms_asks_nothing(wiring: Wiring) -> None:
    wiring.bus().dispatch([view("visitor-9", "SKU-001", 3)])
    notebook = asked(wiring, "visitor-9", 1)
    assert all(not one.arms for one in notebook.decisions)
    mover = wiring.mover()
    assert mover._exposer is not None
    mover._exposer.record([encode(one) for one in notebook.decisions])
