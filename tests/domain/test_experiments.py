"""Given an experiment, when something is asked of it, then this is recorded, or refused by name."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain import arm
from domain.arm import Arm, Objectives, PlacementName, RecipeChange, SourceName
from domain.design import Design, Holdout, Namespace, Variant
from domain.experiment import Experiment, ExperimentError, State
from queries.recommend.placements import RECIPES, Recipe, Source
from queries.recommend.weights import Weights

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TWO = (Variant(name="control", buckets=5000), Variant(name="bold", buckets=5000))


def design(**fields: Any) -> Design:
    return Design(**{"hypothesis": "it helps", "primary_metric": "conversion", "variants": TWO, **fields})


class Asked:
    """An experiment, and what was recorded of it."""

    def __init__(self) -> None:
        self.experiment = Experiment.plan("hero", design(), occurred_at=NOW, source_id="0")
        self._sources = iter(range(1, 100))

    def __call__(self, what: str, *arguments: Any) -> "Asked":
        getattr(self.experiment, what)(*arguments, occurred_at=NOW, source_id=str(next(self._sources)))
        return self

    @property
    def recorded(self) -> list[str]:
        return [type(event).__name__ for event in self.experiment.collect_events()]


def test_from_design_to_everybody() -> None:
    asked = Asked()("start", 1000)("ramp", 5000)("reweight", {"control": 2500, "bold": 7500})
    asked("pause", "a doubt")("ramp", 6000)("resume")("ship", "bold")("stop", "it is the configuration now")
    assert asked.recorded == [
        *("Designed", "Started", "Ramped", "Reweighted", "Paused", "Ramped", "Resumed", "Shipped", "Stopped")
    ]
    assert asked.experiment.state is State.STOPPED and asked.experiment.coverage == 6000
    assert [v.buckets for v in asked.experiment.design.variants] == [2500, 7500]


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ([], ("ramp", 5)),
        ([], ("stop", "early")),
        ([], ("ship", "bold")),
        ([("start",)], ("start",)),
        ([("start",)], ("resume",)),
        ([("start",), ("pause", "")], ("pause", "")),
        ([("start",), ("ship", "bold")], ("ramp", 5)),
        ([("start",), ("ship", "bold")], ("ship", "control")),
        ([("start",), ("stop", "")], ("resume",)),
        ([("start",), ("stop", "")], ("ship", "bold")),
    ],
)
def test_what_does_not_go_in_its_state_is_refused(before: list[tuple[Any, ...]], asked: tuple[Any, ...]) -> None:
    experiment = Asked()
    for each in before:
        experiment(*each)
    recorded = len(experiment.experiment.pending_events)
    with pytest.raises(ExperimentError, match=f"cannot {asked[0]} an experiment that is"):
        experiment(*asked)
    assert len(experiment.experiment.pending_events) == recorded


def test_what_cannot_be_is_refused_by_name() -> None:
    running = Asked()("start")
    with pytest.raises(ExperimentError, match="variant: there is none"):
        running("ship", "other")
    for buckets in ({"control": 5}, {"control": 5, "other": 5}, {"control": 9000, "bold": 2000}):
        with pytest.raises(ExperimentError, match="buckets: "):
            running("reweight", buckets)


def test_a_source_is_recorded_once() -> None:
    experiment = Asked()("start").experiment
    for _ in range(2):
        experiment.ramp(5, occurred_at=NOW, source_id="again")
        experiment.reweight({"control": 1, "bold": 2}, occurred_at=NOW, source_id="other")
    assert len(experiment.collect_events()) == 4


def test_an_experiment_of_before_can_be_read() -> None:
    state: dict[str, Any] = {"design": {"hypothesis": "", "primary_metric": "m", "variants": []}}
    Experiment.Designed.upcast_v1_v2(state)
    assert state["design"]["hash_version"] == "blake2b-10000"
    started: dict[str, Any] = {}
    Experiment.Started.upcast_v1_v2(started)
    assert started == {"coverage": 10_000}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"targeting": {"channel": {"$regex": "(a+)+$"}}}, "not supported"),
        ({"targeting": {"id": {"$inGroup": "vips"}}}, "not supported"),
        ({"targeting": {"channel": {"$in": "web"}}}, "takes a list"),
        ({"targeting": {"$or": [1]}}, "list of conditions"),
        ({"targeting": {"channel": "w" * 201}}, "longer than"),
        ({"targeting": {"channel": {"$in": ["w"] * 61}}}, "more than"),
        ({"targeting": {"hair": "red"}}, "asks for what is not known"),
        ({"variants": (TWO[0], TWO[0])}, "one name"),
        ({"namespace": {"name": "n", "since": 5, "until": 5}}, "until"),
        ({"holdout": {"name": "h", "buckets": 5001}}, "buckets"),
    ],
)
def test_a_design_that_cannot_be_served_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        design(**fields)


def test_a_condition_nested_without_end_is_refused() -> None:
    condition: dict[str, Any] = {"channel": "web"}
    for _ in range(50):
        condition = {"$not": condition}
    with pytest.raises(ValidationError, match="nested deeper"):
        design(targeting=condition)


def test_prices_do_not_depend_on_the_person() -> None:
    cheap = (TWO[0], Variant(name="cheap", buckets=5000, changes=Arm(price_percent=-10)))
    assert design(variants=cheap, targeting={"channel": "web"}).targeting
    for targeting in ({"segments": {"$in": ["vip"]}}, {"$or": [{"channel": "web"}, {"$not": {"device": "ios"}}]}):
        with pytest.raises(ValidationError, match="prices may not depend on"):
            design(variants=cheap, targeting=targeting)


@pytest.mark.parametrize(
    "given",
    [
        {"price_percent": 31},
        {"weights": {"relevance": 1.1}},
        {"weights": {"luck": 1}},
        {"members": {"ncf": -1}},
        {"placements": {"lobby": {"cap": 1}}},
        {"placements": {"home": {"scope": "hits"}}},
        {"model": "latest"},
        {"rules_off": []},
    ],
)
def test_an_arm_is_bounded(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Arm.model_validate(given)


def test_what_arms_may_change_is_what_there_is() -> None:
    assert set(Objectives.model_fields) == set(Weights.__struct_fields__)
    assert {each.value for each in PlacementName} == set(RECIPES)
    assert {each.value for each in SourceName} == {each.value for each in Source}
    assert set(RecipeChange.model_fields) <= set(Recipe.__struct_fields__)
    assert arm.Arm() == Arm.model_validate({})
    assert design(namespace=Namespace(name="n", since=0, until=1), holdout=Holdout(name="h", buckets=1))
