"""Arms of every kind on real servers: who is in one is really shown something else, an exposure is recorded where the
arm was used and nowhere else, and the report counts it. Namespaces and holdouts keep people apart in the log too."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from adapters.receipts.form import encode
from app.projecting import folding, runners
from app.replay.replaying import Replayer
from app.reporting import chosen_places, exposed_persons
from app.settings import Settings
from app.training import bandit as train_bandit
from app.training.training_set import heads
from app.wiring import Wiring
from commands.browse import ShowRecommendations
from commands.experiment import DesignExperiment, ReweightExperiment, StartExperiment, StopExperiment
from commands.identify import Identify
from commands.merchandising import PublishRules, SaveRules
from commands.order import PlaceOrder
from commands.stock import ChangePrice
from domain.arm import Arm, Objectives, PlacementName, RecipeChange, SourceName
from domain.customer import Customer
from domain.design import Design, Holdout, Namespace, Variant
from domain.identity import Identifier, IdentifierKind
from domain.merchandising import read_json
from domain.values import Channel, Line
from ml.artefacts import Position
from ml.baselines import itemknn
from ml.blend.gather import Member
from ml.blend.score import Blend
from ml.ranker import Lessons
from ml.recipes import RECIPES
from ml.score.blend import store
from ml.sequences import Sequences
from queries.answers import Recommendations
from queries.experiment_report import Asked, ExperimentReport, report
from queries.experiments import experiments_of
from queries.recommend.ask import Wanted
from queries.recommend.decision import Decision, Reason
from tests.app.test_remaking import SKUS, Notebook, command, listed, view
from tests.namespaces import namespace

VISITORS = [f"visitor-{n}" for n in range(60)]
PRICES = {sku: 1_000 + 600 * (number % 7) for number, sku in enumerate(SKUS)}
TRIES = 50
PINNED, LIKED = SKUS[11], SKUS[29]


@dataclass
class Asking:
    """Answers and their decisions, by visitor."""

    answers: dict[str, Recommendations]
    decisions: dict[str, Decision]

    def in_arm(self, key: str, arm: str) -> list[str]:
        return [name for name, decision in self.decisions.items() if decision.arms.get(key) == arm]


@pytest.fixture(scope="module")
def shop(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """Visitors who looked around; a rule that pins, and one that holds in an arm alone."""
    with namespace(settings) as wiring:
        bus = wiring.bus()
        bus.dispatch([each for number in range(len(SKUS)) for each in listed(number)])
        priced = enumerate(PRICES.items())
        bus.dispatch([command(ChangePrice, 50 + n, sku=s, price_cents=c, currency="USD") for n, (s, c) in priced])
        bus.dispatch([view(v, SKUS[(n + i) % 10], 10 * n + i) for n, v in enumerate(VISITORS) for i in range(4)])
        pin = {"key": "pin", "when": {"placement": ["home"]}, "then": {"pin": {"slot": 2, "skus": [PINNED]}}}
        hide = {"key": "no-e", "when": {"category": ["E"], "arm": ["hiding:other"]}, "then": {"filter": {}}}
        rules = read_json(json.dumps({"rules": [pin, hide]}).encode()).rules
        bus.dispatch([command(SaveRules, 0, actor="test", rules=rules), command(PublishRules, 1, actor="test")])
        yield wiring


def begin(wiring: Wiring, key: str, arm: Arm | None, **fields: Any) -> None:
    """Half and half, projected."""
    shares = (Variant(name="control", buckets=5_000), Variant(name="other", buckets=5_000, changes=arm))
    plan = Design(hypothesis="it helps", primary_metric="conversion", variants=shares, **fields)
    begun = [command(DesignExperiment, 0, key=key, design=plan), command(StartExperiment, 1, key=key)]
    assert not any(outcome.refused for outcome in wiring.bus().dispatch(begun))
    project(wiring)


def end(wiring: Wiring, *keys: str) -> None:
    wiring.bus().dispatch([command(StopExperiment, 9, key=key, reason="done") for key in keys])


def project(wiring: Wiring) -> None:
    runners.catch_up(wiring, folding.start_generation(wiring))


def asked(wiring: Wiring, placement: str = "home", limit: int = 8) -> Asking:
    """Everybody's answer, by a process that has just begun; its receipts are moved, and so exposures are recorded."""
    notebook, answers = Notebook(), dict[str, Recommendations]()

    async def ask() -> None:
        reader = wiring.reader()
        queries = wiring.queries(reader, keeper=notebook)
        try:
            await reader.start()
            for name in VISITORS:
                who = Identifier(kind=IdentifierKind.ANONYMOUS, value=name)
                for _ in range(TRIES):  # a machine that is busy may make an answer a poorer one
                    answers[name] = await queries.recommend(Wanted(placement, limit, deadline_ms=10_000), who)
                    if (answers[name].served, answers[name].degraded) == ("full", ()):
                        break
                    notebook.decisions.pop()
        finally:
            await reader.close()

    asyncio.run(ask())
    spool = wiring.spool()
    for one in notebook.decisions:
        spool.append(encode(one))
    spool.close()
    assert wiring.mover().move() == len(VISITORS)
    project(wiring)
    return Asking(answers, dict(zip(VISITORS, notebook.decisions, strict=True)))


def exposures(wiring: Wiring, key: str) -> dict[UUID, str]:
    """Stream → arm, as the log has it."""
    people = wiring.directory.claim([Identifier(kind=IdentifierKind.ANONYMOUS, value=v) for v in VISITORS]).values()
    streams = [item for log in wiring.customers for item in log.streams(list(people))]
    return {
        stream: event.variant
        for stream, events in streams
        for event in events
        if isinstance(event, Customer.ExperimentExposed) and event.experiment == key
    }


def reported(wiring: Wiring, key: str) -> ExperimentReport:
    told = next(each for each in experiments_of(wiring.experiment_events()) if each.key == key)
    persons = exposed_persons.read(wiring, key, "USD", heads(wiring)).persons
    return report(told, persons, Asked(int(datetime.now(UTC).timestamp() * 1000) + 60_000))


def counted(wiring: Wiring, key: str, found: Asking) -> None:
    """All who were shown an arm are in the log, once, and in the report; what they buy is their arm's."""
    arms = {str(d.person_id): d.arms[key] for d in found.decisions.values() if key in d.arms}
    assert {str(stream): arm for stream, arm in exposures(wiring, key).items()} == arms
    assert len(set(arms.values())) == 2 and len(arms) == len(VISITORS)
    buyer = found.in_arm(key, "other")[0]
    order = PlaceOrder(
        identifiers=(Identifier(kind=IdentifierKind.ANONYMOUS, value=buyer),),
        channel=Channel.WEB,
        order_id=f"order-{key}",
        total_cents=500,
        currency="USD",
        lines=(Line(sku=SKUS[0], quantity=1, price_cents=500),),
        source_id=f"order-{key}",
        occurred_at=datetime.now(UTC),
    )
    before = orders(reported(wiring, key))
    wiring.bus().dispatch([order])
    made = reported(wiring, key)
    assert made.report.counts == Counter(arms.values())
    assert orders(made) == (before[0], before[1] + 1)


def orders(made: ExperimentReport) -> tuple[int, int]:
    """Of the control, and of the other arm."""
    (found,) = [each for each in made.report.results if each.metric == "orders"]
    return round(found.control.unadjusted * found.control.n), round(found.treatment.unadjusted * found.treatment.n)


def without(wiring: Wiring, key: str, found: Asking) -> dict[str, tuple[bool, bool]]:
    """Visitor → in the arm, shown other items than without it; made again from the log."""
    replayer = Replayer(wiring)
    return {
        name: (
            d.arms[key] == "other",
            [i.sku for i in replayer.made(d, without_arm=key).items] != [i.sku for i in d.items],
        )
        for name, d in found.decisions.items()
    }


def model(wiring: Wiring) -> str:
    """An artefact that likes one item after any other."""
    lists = [[seen, SKUS.index(LIKED)] for seen in range(10) for _ in range(3)]
    lessons = Lessons(Sequences.of(lists), len(SKUS), None, "none")
    member = Member("itemknn", RECIPES["itemknn"].form, RECIPES["itemknn"].floor)
    blend = Blend({"itemknn": itemknn.train(lessons)}, [member], np.ones((3, 1)))
    return store(wiring.settings.models_folder(), blend, tuple(SKUS), Position(), {}, {}).digest


def test_an_arm_of_weights_orders_otherwise(shop: Wiring) -> None:
    begin(shop, "worth", Arm(weights=Objectives(relevance=0.0, revenue=1.0, margin=0.0, clearance=0.0, diversity=0.0)))
    found = asked(shop)
    changed = without(shop, "worth", found)
    assert all(not other for inside, other in changed.values() if not inside)
    assert sum(other for inside, other in changed.values() if inside) > 0.8 * len(found.in_arm("worth", "other"))
    counted(shop, "worth", found)
    end(shop, "worth")


def test_an_arm_of_a_model_listens_to_that_model(shop: Wiring) -> None:
    begin(shop, "model", Arm(model=model(shop)))
    found = asked(shop)
    first = {arm: [found.answers[v].items[0].sku for v in found.in_arm("model", arm)] for arm in ("control", "other")}
    assert first["other"] and set(first["other"]) == {LIKED} and LIKED not in first["control"]
    counted(shop, "model", found)
    end(shop, "model")


def test_an_arm_without_a_rule_and_an_arm_with_one(shop: Wiring) -> None:
    begin(shop, "no-pins", Arm(rules_off=("pin",)))
    begin(shop, "hiding", None)
    found = asked(shop)
    for name, decision in found.decisions.items():
        pinned = any(item.reason == "featured" for item in decision.items)
        assert pinned == (decision.arms["no-pins"] == "control"), name
        hidden = not any(SKUS.index(item.sku) % 5 == 4 for item in decision.items)
        assert hidden == (decision.arms["hiding"] == "other"), name
    counted(shop, "no-pins", found)
    counted(shop, "hiding", found)
    end(shop, "no-pins", "hiding")


def test_an_arm_of_a_placement_is_used_there_alone(shop: Wiring) -> None:
    few = RecipeChange(quotas={SourceName.POPULAR: 3}, explore=())
    begin(shop, "hero", Arm(placements={PlacementName.HOME_HERO: few}))
    elsewhere = asked(shop)
    assert all("hero" not in decision.arms for decision in elsewhere.decisions.values())
    assert exposures(shop, "hero") == {}, "nobody saw what the arm changes"
    found = asked(shop, "home_hero", 5)
    shown = {arm: {len(found.answers[v].items) for v in found.in_arm("hero", arm)} for arm in ("control", "other")}
    assert shown == {"control": {5}, "other": {3}}
    counted(shop, "hero", found)
    end(shop, "hero")


def test_an_arm_of_prices_shows_other_prices_and_nothing_else(shop: Wiring) -> None:
    begin(shop, "prices", Arm(price_percent=10))
    found = asked(shop)
    for name, answer in found.answers.items():
        factor = 1.1 if found.decisions[name].arms["prices"] == "other" else 1.0
        assert answer.items and answer.price_factor == factor
        assert {item.sku: item.price_cents for item in answer.items} == {
            item.sku: round(PRICES[item.sku] * factor) for item in answer.items
        }
    assert not any(other for _, other in without(shop, "prices", found).values()), "the same items in the same order"
    counted(shop, "prices", found)
    end(shop, "prices")


def test_nobody_is_in_two_experiments_of_a_namespace_and_shares_move_nobody(shop: Wiring) -> None:
    arm = Arm(weights=Objectives(revenue=0.9))
    begin(shop, "first", arm, namespace=Namespace(name="page", since=0, until=5_000))
    begin(shop, "second", arm, namespace=Namespace(name="page", since=5_000, until=10_000))
    before = asked(shop)
    first, second = exposures(shop, "first"), exposures(shop, "second")
    assert first and second and not first.keys() & second.keys()
    assert len(first) + len(second) == len(VISITORS)
    counts = reported(shop, "first").report.counts
    assert sum(counts.values()) == len(first) and reported(shop, "second").crossed == {}
    other = {"control": 10_000, "other": 0}
    shop.bus().dispatch([command(ReweightExperiment, 5, key=key, buckets=other) for key in ("first", "second")])
    project(shop)
    after = asked(shop)
    assert [d.arms for d in after.decisions.values()] == [d.arms for d in before.decisions.values()]
    assert exposures(shop, "first") == first and exposures(shop, "second") == second
    assert reported(shop, "first").report.counts == counts
    end(shop, "first", "second")


def test_a_holdout_is_in_no_experiment_that_names_it(shop: Wiring) -> None:
    kept, arm = Holdout(name="global", buckets=5_000), Arm(weights=Objectives(revenue=0.9))
    for key in ("one", "two"):
        begin(shop, key, arm, holdout=kept)
    begin(shop, "open", arm)
    found = asked(shop)
    inside = {str(d.person_id) for d in found.decisions.values() if "one" in d.arms}
    assert 0 < len(inside) < len(VISITORS)
    for key in ("one", "two"):
        assert {str(stream) for stream in exposures(shop, key)} == inside
        assert sum(reported(shop, key).report.counts.values()) == len(inside)
    assert len(exposures(shop, "open")) == len(VISITORS), "one that does not name it has everybody"
    end(shop, "one", "two", "open")


def test_what_the_bandit_chose_in_an_arm_is_told_by_its_receipts(shop: Wiring) -> None:
    """From the real bandit's choices, with their chances, to the part of the report."""
    train_bandit.run(shop)
    begin(shop, "tried", Arm(placements={PlacementName.HOME: RecipeChange(explore=(0, 2, 3))}))
    found = asked(shop)
    tried = {name: [item for item in d.items if item.among] for name, d in found.decisions.items()}
    assert {len(tried[each]) for each in found.in_arm("tried", "other")} == {3}
    for decision in found.decisions.values():
        amongs = [item.among for item in decision.items if item.reason == Reason.EXPLORE]
        assert all(among > 1 for among in amongs) and amongs == sorted(amongs, reverse=True)
    for name, decision in found.decisions.items():
        who = (Identifier(kind=IdentifierKind.ANONYMOUS, value=name),)
        about = {"channel": Channel.WEB, "placement": "home", "decision_id": str(decision.decision_id)}
        at = {"source_id": f"seen {name}", "occurred_at": datetime.now(UTC)}
        skus = tuple(item.sku for item in decision.items)
        shop.bus().dispatch([ShowRecommendations(identifiers=who, skus=skus, **about, **at)])
    told = next(each for each in experiments_of(shop.experiment_events()) if each.key == "tried")
    persons = exposed_persons.read(shop, "tried", "USD", heads(shop), with_showings=True).persons
    until = int(datetime.now(UTC).timestamp() * 1000) + 3_600_000
    places = report(told, persons, Asked(until), chosen_places.read(shop, "tried", persons)).places
    assert places is not None and places.unread == 0
    by_arm = Counter(d.arms["tried"] for name, d in found.decisions.items() for _ in tried[name])
    assert sum(by_arm.values()) == sum(arm.places for arm in places.arms.values()) + places.untold
    assert {arm: of.persons for arm, of in places.arms.items()} == Counter(
        d.arms["tried"] for name, d in found.decisions.items() if tried[name]
    )
    end(shop, "tried")


def test_two_who_turn_out_to_be_one_keep_the_first_arm_and_are_left_out(shop: Wiring) -> None:
    """Last, since it makes one person of two."""
    begin(shop, "merged", Arm(weights=Objectives(revenue=0.9)))
    before = asked(shop)
    here, there = (before.in_arm("merged", arm)[0] for arm in ("control", "other"))
    login = Identifier(kind=IdentifierKind.USER, value="ann")
    for visitor in (here, there):
        named = (Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor), login)
        known = Identify(
            identifiers=named, channel=Channel.WEB, source_id=f"login {visitor}", occurred_at=datetime.now(UTC)
        )
        shop.bus().dispatch([known])
    project(shop)
    counts = reported(shop, "merged").report.counts
    made = reported(shop, "merged")
    assert dict(made.crossed) == {("control", "other"): 1} and sum(counts.values()) == len(VISITORS) - 2
    after = asked(shop)
    first = min((here, there), key=lambda each: before.decisions[each].at_ms)
    arm = before.decisions[first].arms["merged"]
    assert {after.decisions[each].arms["merged"] for each in (here, there)} == {arm}
    assert after.decisions[here].person_id == after.decisions[there].person_id
    assert reported(shop, "merged").report.counts == counts, "nobody else was moved"
    others = [each for each in VISITORS if each not in (here, there)]
    assert all(after.decisions[each].arms == before.decisions[each].arms for each in others)
    end(shop, "merged")
