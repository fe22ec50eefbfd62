"""Exploration: choices that can be made again, among what may be shown, each with the chance that it had."""

from uuid import UUID

import numpy as np
import pytest

from ml.bandit.context import DIMENSIONS
from ml.bandit.model import Config, start
from queries.recommend.assemble import Bandit
from queries.recommend.exploring import ARMS, drawn
from queries.recommend.placements import Source
from queries.recommend.serving import Serving
from tests.queries.serving import ask, decided
from tests.queries.test_decide import SKUS, looked, shop

BANDIT = Bandit("b" * 64, SKUS, start(Config(DIMENSIONS, prior_scale=0.5), len(SKUS)))


def explored(serving: Serving, number: int) -> list[tuple[int, str, float]]:
    found = decided(serving, looked(3, 9), ask("home", 20, UUID(int=number))).items
    return [
        (slot, item.sku, float(np.frombuffer(item.propensity, "<f4")[0]))
        for slot, item in enumerate(found)
        if item.source == Source.EXPLORE
    ]


def test_two_places_of_the_home_page_are_explored_and_their_chances_are_told() -> None:
    found = explored(shop(bandit=BANDIT), 7)
    assert [slot for slot, _, _ in found] == [5, 13]
    assert all(0 < chance < 1 for _, _, chance in found)
    assert len({sku for _, sku, _ in found}) == 2


def test_the_same_decision_draws_the_same_and_another_one_another() -> None:
    serving = shop(bandit=BANDIT)
    assert explored(serving, 7) == explored(serving, 7)
    assert len({tuple(explored(serving, number)) for number in range(20)}) > 10


def test_nobody_explores_without_a_bandit() -> None:
    assert explored(shop(), 7) == []


def test_any_of_many_arms_may_be_tried() -> None:
    explorer = shop(bandit=BANDIT).explorer
    assert explorer is not None
    many = Bandit("c" * 64, SKUS, BANDIT.posterior)
    assert len(drawn(explorer, UUID(int=1))) == min(ARMS, len(SKUS))
    tried = {int(row) for number in range(30) for row in drawn(explorer, UUID(int=number))}
    assert tried == set(range(len(many.skus)))


def test_chances_are_how_often_an_arm_is_chosen() -> None:
    serving = shop(bandit=BANDIT)
    first = [explored(serving, number)[0] for number in range(300)]
    assert np.mean([chance for *_, chance in first]) == pytest.approx(1 / ARMS, rel=0.3)
