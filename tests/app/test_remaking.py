"""Answers are made again to the byte, of the generations that they name, by a process that knows nothing else."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from adapters.receipts.form import encode
from adapters.redis.reader import RedisReader
from app.projecting import folding, runners
from app.replay.errors import UnknownGenerationError
from app.replay.remaking import Remaker
from app.replay.replaying import Replayer, Verdict, present
from app.training import bandit as train_bandit
from app.wiring import Wiring
from commands.browse import RecordView
from commands.experiment import DesignExperiment, RampExperiment, StartExperiment
from commands.merchandising import PublishRules, SaveRules
from commands.stock import ChangePrice, CountStock, ListProduct
from domain.arm import Arm, Objectives, PlacementName, RecipeChange
from domain.design import Design, Variant
from domain.identity import Identifier, IdentifierKind
from domain.merchandising import read_json
from domain.values import Channel
from projections.customer import apply
from projections.history import Sharded
from queries.ports import Shop
from queries.recommend.ask import Wanted
from queries.recommend.decide import Without
from queries.recommend.decision import Decision
from queries.recommend.placements import RECIPES
from readmodels.customer import CustomerRecord, combine
from tests.app.looking import until

START = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = [f"SKU-{n:03d}" for n in range(40)]
#: Experiments that run: of what answers are ordered by, of a page, and of rules.
ARMS = {
    "weights": Arm(weights=Objectives(revenue=0.9, diversity=0.0)),
    "page": Arm(placements={PlacementName.HOME: RecipeChange(cap=1, explore=(0, 3))}),
    "no-pins": Arm(rules_off=("pin",)),
}
VISITORS = [f"visitor-{n}" for n in range(12)]


class Notebook:
    """Keeps what was decided."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def keep(self, decision: Decision) -> bool:
        self.decisions.append(decision)
        return True


def command(kind: type, number: int, **fields: Any) -> Any:
    return kind(
        source_id=f"{kind.__name__}-{number}-{uuid4()}", occurred_at=START + timedelta(minutes=number), **fields
    )


def view(visitor: str, sku: str, minute: int) -> Any:
    who = Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor)
    return command(RecordView, minute, identifiers=(who,), channel=Channel.WEB, sku=sku)


def listed(number: int) -> list[Any]:
    about = {"category": "ABCDE"[number % 5], "colour": ("red", "black")[number % 2], "brand": f"B{number % 3}"}
    sku = SKUS[number]
    return [
        command(ListProduct, number, sku=sku, title=f"Thing {number}", **about),
        command(ChangePrice, number, sku=sku, price_cents=1_000 + number, currency="USD"),
        command(CountStock, number, sku=sku, available=2 + number % 4),
    ]


@pytest.fixture
def shop(wiring: Wiring) -> Iterator[Wiring]:
    bus = wiring.bus()
    for number in range(len(SKUS)):
        bus.dispatch(listed(number))
    views = [view(v, SKUS[(n + i) % 12], 10 * n + i) for n, v in enumerate(VISITORS) for i in range(8)]
    bus.dispatch(views)
    for key, arm in ARMS.items():
        shares = (Variant(name="control", buckets=5_000), Variant(name="other", buckets=5_000, changes=arm))
        plan = Design(hypothesis="it helps", primary_metric="conversion", variants=shares)
        bus.dispatch([command(DesignExperiment, 0, key=key, design=plan), command(StartExperiment, 1, key=key)])
    train_bandit.run(wiring)
    runners.catch_up(wiring, folding.start_generation(wiring))
    yield wiring


async def ask_all(wiring: Wiring, notebook: Notebook, rounds: int) -> None:
    """Asks every placement for every visitor, while counts, rules, statistics and visitors change."""
    reader = wiring.reader()
    queries = wiring.queries(reader, keeper=notebook)
    try:
        await reader.start()
        for turn in range(rounds):
            for visitor in VISITORS:
                for placement in RECIPES:
                    wanted = Wanted(
                        placement, 6, item=SKUS[turn], skus=tuple(SKUS[5:20]), category="B", deadline_ms=10_000
                    )
                    await queries.recommend(wanted, Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor))
            before = await reader.shop()
            await asyncio.to_thread(change, wiring, turn)
            await until_changed(reader, before)
    finally:
        await reader.close()


def change(wiring: Wiring, turn: int) -> None:
    bus = wiring.bus()
    bus.dispatch([command(CountStock, 900 + turn, sku=SKUS[turn], available=0)])
    bus.dispatch([view(VISITORS[turn], SKUS[(turn + 9) % 12], 2_000 + turn)])
    rule = {"key": "push", "when": {"category": ["C"]}, "then": {"boost": {"factor": 2.0 + turn}}}
    pin = {"key": "pin", "when": {"placement": ["home"]}, "then": {"pin": {"slot": 2, "skus": [SKUS[11]]}}}
    rules = read_json(json.dumps({"rules": [rule, pin]}).encode()).rules
    bus.dispatch([command(SaveRules, turn, actor="test", rules=rules)])
    bus.dispatch([command(PublishRules, turn, actor="test")])
    bus.dispatch([command(RampExperiment, turn, key="weights", coverage=9_000 - 1_000 * turn)])
    runners.catch_up(wiring, folding.start_generation(wiring))


async def until_changed(reader: RedisReader, before: Shop) -> None:
    async def changed() -> bool:
        now = (await reader.shop()).serving.generations
        old = before.serving.generations
        return now.catalogue != old.catalogue and now.rules != old.rules and now.statistics != old.statistics

    await until(changed)


def record_of(wiring: Wiring, decision: Decision) -> CustomerRecord:
    """Folded from the log: of each stream as many events as the receipt says."""
    records = []
    for stream, version in decision.streams:
        record = CustomerRecord()
        for _, events in Sharded(wiring.customers).streams([stream]):
            for event in events[:version]:
                record = apply(record, event)
        records.append(record)
    return combine(records) if records else CustomerRecord()


def test_every_answer_is_made_again_to_the_byte(shop: Wiring) -> None:
    notebook = Notebook()
    asyncio.run(ask_all(shop, notebook, 3))
    decisions = notebook.decisions
    assert len(decisions) == 3 * len(VISITORS) * len(RECIPES)
    assert len({d.generations for d in decisions}) >= 3
    assert any(item.source == "exploration" for d in decisions for item in d.items)
    assert any(item.reason == "featured" for d in decisions for item in d.items)
    assert {(key, arm) for d in decisions for key, arm in d.arms.items()} == {
        (key, arm) for key in ARMS for arm in ("control", "other")
    }
    assert len({d.generations.experiments for d in decisions}) == 3
    shop.redis.flushall()
    remaker = Remaker(shop)
    for decision in decisions:
        assert remaker.again(decision, record_of(shop, decision)) == decision


def test_what_is_no_longer_kept_is_named(shop: Wiring) -> None:
    notebook = Notebook()
    asyncio.run(ask_all(shop, notebook, 1))
    decision = notebook.decisions[0]
    lost = msgspec.structs.replace(decision.generations, statistics="0" * 64)
    with pytest.raises(UnknownGenerationError, match="statistics"):
        Remaker(shop).serving(lost)
    later = msgspec.structs.replace(decision.generations, catalogue=10**9)
    with pytest.raises(UnknownGenerationError, match="catalogue"):
        Remaker(shop).serving(later)


def test_replays_say_what_became_of_each(shop: Wiring) -> None:
    notebook = Notebook()
    asyncio.run(ask_all(shop, notebook, 2))
    decisions = notebook.decisions
    shop.receipts.add([encode(each) for each in decisions])
    kept = [one for _, one in shop.receipts.since(0, 1_000)]
    assert len(kept) == len(decisions)
    replayer = Replayer(shop)
    assert {again.verdict for again in replayer.replay(present(kept))} == {Verdict.EQUAL}
    changed = msgspec.structs.replace(decisions[0], rest=b"?" * 16)
    lost = msgspec.structs.replace(
        decisions[1], generations=msgspec.structs.replace(decisions[1].generations, model="1" * 64)
    )
    found = {again.decision.decision_id: again for again in replayer.replay([changed, lost])}
    assert found[changed.decision_id].verdict is Verdict.DIFFERS
    assert (found[lost.decision_id].verdict, found[lost.decision_id].missing) == (Verdict.UNKNOWN, "model")


def test_what_would_have_been_without(shop: Wiring) -> None:
    notebook = Notebook()
    asyncio.run(ask_all(shop, notebook, 2))
    pinned = next(d for d in notebook.decisions if any(item.reason == "featured" for item in d.items))
    replayer = Replayer(shop)
    slot = [item.reason for item in pinned.items].index("featured")
    other = replayer.made(pinned, without=Without(rule="pin"))
    assert other.items[slot].reason != "featured"
    stream, version = pinned.streams[0]
    changed = [replayer.made(pinned, without_event=(stream, number)) for number in range(2, version + 1)]
    assert any(d.items != pinned.items for d in changed)
    bold = next(d for d in notebook.decisions if d.arms.get("weights") == "other" and d.placement == "category")
    plain = replayer.made(bold, without_arm="weights")
    assert plain.arms == {key: arm for key, arm in bold.arms.items() if key != "weights"} and plain.items != bold.items
    calm = replayer.made(pinned, without=Without(exploration=True))
    assert not any(item.source == "exploration" for item in calm.items)


def test_the_command_line_replays_and_says_why(shop: Wiring) -> None:
    notebook = Notebook()
    asyncio.run(ask_all(shop, notebook, 1))
    decisions = notebook.decisions[:20]
    shop.receipts.add([encode(each) for each in decisions])
    told = json.loads(said(shop, "decision", "replay", "--all", "--json"))
    assert (told["decisions"], told["equal"]) == (20, 20)
    home = next(d for d in decisions if d.placement == "home")
    shown = json.loads(said(shop, "decision", "show", str(home.decision_id), "--json"))
    assert [item["sku"] for item in shown["items"]] == [item.sku for item in home.items]
    why = json.loads(said(shop, "decision", "why", str(home.decision_id), "--item", home.items[0].sku, "--json"))
    assert why["slot"] == 1 and {step["step"] for step in why["steps"]} >= {"probability", "objectives", "rules"}
    same = json.loads(said(shop, "decision", "diff", str(home.decision_id), str(home.decision_id), "--json"))
    assert same == {"moved": [], "differs": {}}
    person = str(home.person_id)
    assert json.loads(said(shop, "decision", "list", "--person", person, "--json"))["decisions"]
    assert "no such decision" in str(run_cli(shop, "decision", "show", str(uuid4())).stderr)


def run_cli(wiring: Wiring, *arguments: str) -> Any:
    environment = os.environ | wiring.settings.environment()
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def said(wiring: Wiring, *arguments: str) -> str:
    done = run_cli(wiring, *arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)
