"""Places that a bandit filled: which rounds count, with which weight; shares that were changed do no harm."""

import random
from collections.abc import Sequence
from uuid import UUID

import pytest

from domain.design import Design, Variant
from projections.experiments.analysis import Options
from projections.experiments.exposed import DAY_MS, Person, Rules
from projections.experiments.places import Showing
from queries.experiments import Change, Told
from queries.explored_places import Choice, Chosen, explored, shares_at

START = 20_000 * DAY_MS
OPTIONS = Options("control", tuned=10_000)


def told(*changes: tuple[int, dict[str, int]]) -> Told:
    """Half and half at first, then as is said."""
    now = changes[-1][1] if changes else {"control": 5_000, "bold": 5_000}
    shares = tuple(Variant(name=name, buckets=buckets) for name, buckets in now.items())
    design = Design(hypothesis="it helps", primary_metric="conversion", variants=shares)
    first = Change(START - DAY_MS, "designed", {"buckets": {"control": 5_000, "bold": 5_000}})
    history = [first, *(Change(at, "reweighted", {"buckets": buckets}) for at, buckets in changes)]
    return Told("hero", "running", 10_000, None, design, tuple(history))


def person(number: int, arm: str, at: int, *shown: Showing) -> Person:
    return Person(((at, arm),), (), "web", shown, frozenset({UUID(int=number)}))


def showing(decision: int, at: int, clicked: bool = False, sku: str = "A") -> Showing:
    return Showing(at, UUID(int=decision), sku, clicked)


def chosen(arms: Sequence[str], chance: float = 0.5, among: int = 2) -> Chosen:
    """One choice a decision, of the SKU A."""
    return Chosen({(UUID(int=n), "A"): Choice(arm, chance, among) for n, arm in enumerate(arms)})


def test_shares_are_those_of_the_moment() -> None:
    changed = told((START + 5, {"control": 2_000, "bold": 6_000}))
    assert shares_at(changed, START) == {"control": 0.5, "bold": 0.5}
    assert shares_at(changed, START + 5) == {"control": 0.25, "bold": 0.75}


def test_only_what_was_seen_of_the_arm_in_time_counts() -> None:
    day = START + DAY_MS
    people = [
        person(0, "control", START, showing(0, day, True)),
        person(1, "bold", START, showing(1, day), showing(1, day + 9, True)),  # told twice: one place, clicked
        person(2, "bold", START, showing(2, START + 9 * DAY_MS, True)),  # after the time that counts
        person(3, "bold", START, showing(3, day, True)),  # its receipt is of the other arm
        person(4, "bold", START, showing(4, day, True)),  # its receipt tells no chance
        person(5, "bold", START, showing(99, day, True)),  # has no receipt
        person(6, "bold", START, showing(6, day, True, "B")),  # not what the bandit chose
        Person(((START, "bold"), (START + 1, "control")), (), "web", (showing(7, day, True),)),
    ]
    arms = ["control", "bold", "bold", "control", "bold", "bold", "bold", "bold"]
    choices = dict(chosen(arms).choices)
    choices[UUID(int=4), "A"] = Choice("bold", 0.0, 2)
    found = explored(told(), people, Chosen(choices, 3), Rules(within_ms=7 * DAY_MS, until_ms=day + DAY_MS), OPTIONS)
    assert found is not None and (found.unread, found.untold) == (3, 1)
    assert {arm: (of.persons, of.places, of.shown) for arm, of in found.arms.items()} == {
        "control": (1, 1, 1.0),
        "bold": (1, 1, 1.0),
    }
    assert all(of.thin for of in found.arms.values())
    soon = explored(told(), people, Chosen(choices), Rules(until_ms=day + 60_000), OPTIONS)
    assert soon is None, "whose click may still come waits"
    assert explored(told(), people, Chosen({}), Rules(), OPTIONS) is None


def test_shares_that_follow_the_weather_do_not_make_an_arm_better() -> None:
    """The arms are alike; on good days, when all click, most come to the bold one."""
    chance, people, arms = random.Random(7), list[Person](), list[str]()
    good = START + 10 * DAY_MS
    weather = told((good, {"control": 1_000, "bold": 9_000}))
    for number in range(3_000):
        fine = number % 2 == 1
        at, share, rate = (good, 0.9, 0.5) if fine else (START, 0.5, 0.1)
        arm = "bold" if chance.random() < share else "control"
        arms.append(arm)
        people.append(person(number, arm, at, showing(number, at + 1, chance.random() < rate)))
    found = explored(weather, people, chosen(arms), Rules(until_ms=good + DAY_MS), OPTIONS)
    assert found is not None
    control, bold = found.arms["control"], found.arms["bold"]
    assert bold.shown - control.shown > 0.1, "as it looks"
    assert bold.difference is not None and bold.difference.low < 0 < bold.difference.high
    for arm in (control, bold):
        assert arm.ipw is not None and arm.ipw.low < 0.3 < arm.ipw.high
        assert arm.ipw.value == pytest.approx(0.3, abs=0.05)
    assert bold.p_corrected is not None and bold.p_corrected > 0.05
