"""The fold from a stream's events to trials: given events, then trials."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.customer import Customer
from domain.values import Channel, Details, LawfulBasis, Purpose
from projections.bandit import CLICK_WINDOW_MS, trials
from projections.moment import millis
from readmodels.bandit import Trial
from tests.projections.facts import histories, recorded, shuffle

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = millis(START) + 10**9
STREAM = UUID(int=1)
GRANT = {"purpose": Purpose.TRAINING, "basis": LawfulBasis.CONSENT, "policy_version": "1"}


def fact(kind: type[Customer.Event], minute: float, **fields: Any) -> Customer.Event:
    return kind(
        originator_id=STREAM,
        originator_version=2,
        timestamp=START,
        occurred_at=START + timedelta(minutes=minute),
        source_id=f"{kind.__name__}{minute}",
        channel=Channel.WEB,
        **fields,
    )


def shown(minute: float, *skus: str, decision: str | None = None, placement: str = "home") -> Customer.Event:
    return fact(Customer.RecommendationShown, minute, placement=placement, skus=skus, decision_id=decision)


def clicked(minute: float, sku: str, decision: str | None = None, placement: str = "home") -> Customer.Event:
    return fact(Customer.RecommendationClicked, minute, placement=placement, sku=sku, decision_id=decision)


def outcome(found: list[Trial]) -> list[tuple[str, int, bool]]:
    return [(trial.sku, trial.place, trial.clicked) for trial in found]


def test_every_sku_shown_is_a_trial_and_a_click_counts_for_its_own() -> None:
    found = list(trials([shown(0, "A", "B", "A", decision="d"), clicked(1, "B", decision="d")], LATER))
    assert outcome(found) == [("A", 0, False), ("B", 1, True)]
    assert found[0].decision == "d" and found[0].at == millis(START)


def test_the_context_is_what_was_said_before() -> None:
    facts = [
        fact(Customer.Seen, 0, device="ios", location="Rome"),
        fact(Customer.Searched, 1, query="q"),
        shown(2, "A"),
        fact(Customer.Seen, 3, device="desktop"),
        fact(Customer.CheckoutStarted, 4),
        shown(5, "A"),
        shown(60, "A"),
    ]
    found = [(trial.device, trial.location, trial.intent) for trial in trials(facts, LATER)]
    assert found == [("ios", "Rome", "searching"), ("desktop", "Rome", "checking_out"), ("desktop", "Rome", "none")]


def test_a_click_counts_once_for_the_latest_showing_it_may_be_on() -> None:
    facts = [shown(0, "A"), shown(1, "A"), shown(1.5, "A", placement="cart"), clicked(2, "A"), shown(3, "A")]
    assert [trial.clicked for trial in trials(facts, LATER)] == [False, True, False, False]
    named = [shown(0, "A", decision="one"), shown(1, "A", decision="two"), clicked(2, "A", decision="one")]
    assert [trial.clicked for trial in trials(named, LATER)] == [True, False]


def test_late_clicks_are_none_and_showings_that_may_still_be_clicked_wait() -> None:
    facts = [shown(0, "A"), clicked(31, "A")]
    assert [trial.clicked for trial in trials(facts, LATER)] == [False]
    assert not list(trials(facts, millis(START) + CLICK_WINDOW_MS - 1))
    assert list(trials(facts, millis(START) + CLICK_WINDOW_MS))


def test_what_may_not_train_does_not() -> None:
    facts = [
        shown(0, "A"),
        fact(Customer.ConsentWithdrawn, 1, **GRANT),
        shown(2, "B"),
        fact(Customer.ConsentGiven, 3, **GRANT),
        shown(4, "C"),
        fact(Customer.ConsentWithdrawn, 5, **GRANT, medium=Channel.WEB),
        fact(Customer.ConsentGiven, 6, **GRANT, medium=Channel.STORE),
        shown(7, "D"),
        fact(Customer.ConsentGiven, 8, **GRANT, medium=Channel.WEB),
    ]
    assert [trial.sku for trial in trials(facts, LATER)] == ["A", "C"]


@given(histories(), st.randoms(use_true_random=False))
def test_arrival_is_of_no_matter(happened: list[dict[str, Any]], chance: random.Random) -> None:
    straight = list(trials(recorded(happened), LATER))
    assert list(trials(recorded(shuffle(happened, chance)), LATER)) == straight


def test_children_and_who_opted_out_train_nothing() -> None:
    child = fact(Customer.DetailsGiven, 0.5, details=Details(age=12))
    assert not list(trials([shown(0, "A"), child], LATER))
    out = fact(Customer.ConsentWithdrawn, 1, **GRANT | {"purpose": Purpose.SHARING})
    assert not list(trials([shown(0, "A"), out], LATER))
