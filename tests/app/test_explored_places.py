"""Arms whose places a bandit filled, from the log and receipts: by inverse propensity the planted truth is found, where
plain click rates tell of what the bandit likes."""

import random
import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.receipts.form import encode
from adapters.reports import plain
from app.reporting import chosen_places, exposed_persons
from app.training.training_set import heads
from app.wiring import Wiring
from commands.browse import ClickRecommendation, RecordView, ShowRecommendations
from domain.values import Channel
from projections.moment import millis
from queries.experiment_report import Asked, report
from queries.experiments import experiments_of
from queries.recommend.decision import Decision, Generations, Shown
from queries.recommender import new_id
from tests.app.test_cli import answered, bespoke
from tests.app.test_experiment_report import ARMS, START, begin, exposed, facts, visitor

#: Clicks on each item where it stands, the same in both arms; and how a bandit that has learnt that chooses.
RATES = (0.5, 0.1, 0.1, 0.1)
CHANCES = {"control": (0.25, 0.25, 0.25, 0.25), "bold": (0.85, 0.05, 0.05, 0.05)}
TRUTH = sum(RATES) / len(RATES)
PEOPLE, PLACES = 900, 3


def chosen(person: UUID | None, arm: str, item: int, at: datetime, among: int = len(RATES)) -> Decision:
    """An answer with one place that a bandit filled, and one that it did not."""
    chance = struct.pack("<f", CHANCES[arm][item])
    certain = struct.pack("<f", 1.0)
    items = (
        Shown("FIXED", certain, certain, "session", "fits_now"),
        Shown(f"ITEM-{item}", certain, chance, "exploration", "something_new", None, among),
    )
    return Decision(new_id(), "home", millis(at), 6, person, (), Generations(), "full", {"hero": arm}, items)


def seen(number: int, decision: Decision, at: datetime, clicked: bool) -> list[Any]:
    about = {"identifiers": (visitor(number),), "channel": Channel.WEB, "placement": "home"}
    name, skus = str(decision.decision_id), tuple(item.sku for item in decision.items)
    told: list[Any] = [ShowRecommendations(skus=skus, decision_id=name, **about, **facts(f"i{name}", at))]
    if clicked:
        click = facts(f"c{name}", at + timedelta(minutes=3))
        told.append(ClickRecommendation(sku=skus[1], decision_id=name, **about, **click))
    return told


def lived(wiring: Wiring, people: int = PEOPLE, seed: int = 11) -> None:
    """Persons come, half to each arm, and see what a bandit chose for them."""
    chance, commands, receipts = random.Random(seed), list[Any](), list[bytes]()
    view = {"channel": Channel.WEB, "sku": "S"}
    first = [RecordView(identifiers=(visitor(n),), **view, **facts(f"v{n}", START)) for n in range(people)]
    wiring.bus().dispatch(first)
    for number in range(people):
        arm, at = ARMS[number % 2], START + timedelta(minutes=10 * number)
        known = exposed(wiring, number, arm, at)
        commands.append(known)
        for turn in range(PLACES):
            item = chance.choices(range(4), CHANCES[arm])[0]
            decision = chosen(known.stream, arm, item, at + timedelta(hours=turn))
            receipts.append(encode(decision))
            clicked = chance.random() < RATES[item]
            commands += seen(number, decision, at + timedelta(hours=turn, seconds=1), clicked)
    wiring.receipts.add(receipts)
    wiring.bus().dispatch(commands)


def reported(wiring: Wiring, *words: str) -> Any:
    return answered(bespoke("experiment", "report", "hero", *words, "--json", settings=wiring.settings))


def told_now(wiring: Wiring) -> Any:
    """The same in this process, without a page and without words."""
    told = next(each for each in experiments_of(wiring.experiment_events()) if each.key == "hero")
    persons = exposed_persons.read(wiring, "hero", "USD", heads(wiring), with_showings=True).persons
    made = report(told, persons, Asked(millis(datetime.now(UTC))), chosen_places.read(wiring, "hero", persons))
    return plain.experiment(made, (), 0, "USD")


def arms_of(told: Any) -> dict[str, Any]:
    return {each["arm"]: each for each in told["bandit"]["arms"]}


def test_the_truth_is_within_the_interval_and_plain_rates_are_not(wiring: Wiring, tmp_path: Any) -> None:
    begin(wiring)
    lived(wiring)
    page, rows = tmp_path / "report.html", tmp_path / "report.csv"
    told = reported(wiring, "--html", str(page), "--csv", str(rows))
    arms = arms_of(told)
    assert list(arms) == ["control", "bold"] and told["bandit"]["unread_decisions"] == 0
    for name, arm in arms.items():
        assert (arm["persons"], arm["places"]) == (PEOPLE // 2, PEOPLE // 2 * PLACES), name
        for how in ("ipw", "snipw"):
            assert arm[how]["low"] < TRUTH < arm[how]["high"], (name, how)
        assert not arm["thin"] and 100 < arm["effective"] <= arm["places"]
    bold = arms["bold"]
    assert not bold["ipw"]["low"] < bold["shown"] < bold["ipw"]["high"], "what the bandit chose is not the arm"
    assert bold["shown"] > 2 * TRUTH
    assert bold["difference"]["low"] < 0 < bold["difference"]["high"] and bold["significant"] is False
    assert arms["control"]["difference"] is None
    assert "Places that a bandit filled" in page.read_text()
    lines = [line for line in rows.read_text().splitlines() if line.startswith("bandit,")]
    assert len(lines) == 6 and any("snipw" in line for line in lines)
    again = ("--at", ",".join(map(str, told["positions"])), "--until", "2026-07-15")
    before = reported(wiring, *again)["bandit"]
    late = chosen(exposed(wiring, 1, "bold", START).stream, "bold", 0, START + timedelta(days=9))
    wiring.receipts.add([encode(late)])
    wiring.bus().dispatch(seen(1, late, START + timedelta(days=9), True))
    assert reported(wiring, *again)["bandit"] == before
    assert arms_of(told_now(wiring))["bold"]["places"] == bold["places"] + 1


def test_few_places_are_thin_and_only_who_it_was_for_counts(wiring: Wiring) -> None:
    begin(wiring)
    lived(wiring, people=40)
    at, streams = START + timedelta(days=20), [exposed(wiring, n, "bold", START).stream for n in range(4)]
    other = chosen(streams[1], "bold", 0, at)  # named by somebody else
    old = chosen(streams[1], "bold", 0, at, among=0)  # of before receipts told among how many
    gone = chosen(streams[3], "bold", 1, at)
    lost = chosen(streams[1], "bold", 1, at)  # has no receipt
    before = arms_of(told_now(wiring))
    wiring.receipts.add([encode(each) for each in (other, old, gone)])
    for number, decision in ((3, other), (1, old), (3, gone), (1, lost)):
        wiring.bus().dispatch(seen(number, decision, at, True))
    told = told_now(wiring)
    assert told["bandit"]["untold_places"] == 1 and told["bandit"]["unread_decisions"] == 1
    arms = arms_of(told)
    assert arms["bold"]["places"] == before["bold"]["places"] + 1, "that of person 3 alone"
    assert arms["bold"]["thin"] and arms["bold"]["significant"] is None
    with wiring.keyring.database.connection() as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (streams[3],))
    with Wiring(wiring.settings, own_servers=False) as fresh:
        left = arms_of(told_now(fresh))
    assert left["bold"]["places"] == before["bold"]["places"] - PLACES, "nothing of who was erased"
    assert left["bold"]["persons"] == 19


def test_where_no_bandit_chose_there_is_nothing_to_tell(wiring: Wiring) -> None:
    begin(wiring)
    view = {"channel": Channel.WEB, "sku": "S"}
    wiring.bus().dispatch([RecordView(identifiers=(visitor(n),), **view, **facts(f"v{n}", START)) for n in range(20)])
    wiring.bus().dispatch([exposed(wiring, n, ARMS[n % 2], START) for n in range(20)])
    assert told_now(wiring)["bandit"] is None
