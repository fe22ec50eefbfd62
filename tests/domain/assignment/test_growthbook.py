"""GrowthBook's own cases for SDKs in any language. They are data beside the repository."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.assignment.conditions import OPERATORS, holds
from domain.assignment.growthbook import Definition, Visitor, in_namespace, overridden, run
from domain.assignment.hashing import growthbook
from domain.assignment.ranges import bucket_ranges, chosen, equal_weights

CASES = Path(__file__).parents[3].parent / "shared" / "payloads" / "growthbook" / "cases.json"
ABSENT = "needs GrowthBook's cases in ../shared, which a clone alone does not have"
NOT_SUPPORTED = {"$regex", "$regexi", "$regx"}
JOINS = {"$and", "$or", "$nor", "$not"}
COUNTS = {"hash": 15, "getBucketRange": 13, "chooseVariation": 13, "inNamespace": 16, "run": 73, "stickyBucket": 13}


def cases(kind: str) -> list[Any]:
    if not CASES.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]
    found = json.loads(CASES.read_text())[kind]
    assert len(found) == COUNTS.get(kind, len(found))
    return [pytest.param(case, id=f"{n}-{case[0]}"[:60]) for n, case in enumerate(found)]


def operators(condition: Any) -> set[str]:
    """What a condition uses; names of attributes that begin with $ are none."""
    if isinstance(condition, list):
        return {name for part in condition for name in operators(part)}
    if not isinstance(condition, dict):
        return set()
    own = {name for name in condition if name.startswith("$") and name != "$groups"}
    return own | {name for part in condition.values() for name in operators(part)}


@pytest.mark.parametrize("case", cases("hash"))
def test_hashes(case: Any) -> None:
    seed, unit, version, expected = case
    assert growthbook(seed, unit, version) == expected


@pytest.mark.parametrize("case", cases("getBucketRange"))
def test_bucket_ranges(case: Any) -> None:
    _, (variations, coverage, weights), expected = case
    found = bucket_ranges(variations, coverage, weights)
    assert [pytest.approx(each) for each in expected] == found


@pytest.mark.parametrize("case", cases("chooseVariation"))
def test_choices(case: Any) -> None:
    _, place, ranges, expected = case
    assert chosen(place, [tuple(each) for each in ranges]) == expected


@pytest.mark.parametrize("case", cases("getEqualWeights"))
def test_equal_weights(case: Any) -> None:
    variations, expected = case
    assert equal_weights(variations) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("case", cases("inNamespace"))
def test_namespaces(case: Any) -> None:
    _, unit, namespace, expected = case
    assert in_namespace(unit, tuple(namespace)) is expected


@pytest.mark.parametrize("case", cases("getQueryStringOverride"))
def test_overrides_in_addresses(case: Any) -> None:
    _, key, url, variations, expected = case
    assert overridden(key, url, variations) == expected


@pytest.mark.parametrize("case", cases("evalCondition"))
def test_targeting(case: Any) -> None:
    _, condition, attributes, expected, *groups = case
    if operators(condition) & NOT_SUPPORTED - {"$regx"}:
        pytest.skip("regular expressions are not supported")
    assert holds(condition, attributes, *groups) is expected


def test_only_regular_expressions_are_left_out() -> None:
    used = {name for case in cases("evalCondition") if case.values[0] for name in operators(case.values[0][1])}
    assert used <= set(OPERATORS) | JOINS | NOT_SUPPORTED


def visitor(context: dict[str, Any], sticky: Any = None) -> Visitor:
    features = {name: each.get("defaultValue") for name, each in context.get("features", {}).items()}
    return Visitor(
        attributes=context.get("attributes", {}),
        enabled=context.get("enabled", True),
        url=context.get("url", ""),
        qa_mode=context.get("qaMode", False),
        forced=context.get("forcedVariations", {}),
        groups=context.get("savedGroups", {}),
        features=features,
        sticky=sticky,
    )


@pytest.mark.parametrize("case", cases("run"))
def test_runs(case: Any) -> None:
    _, context, experiment, value, inside, hashed = case
    test = Definition.model_validate(experiment)
    result = run(test, visitor(context))
    assert (test.variations[result.variation], result.inside, result.hashed) == (value, inside, hashed)


@pytest.mark.parametrize("case", cases("stickyBucket"))
def test_memory(case: Any) -> None:
    """A feature's rule is an experiment of the feature's key."""
    _, context, documents, feature, expected, after = case
    (rule,) = context["features"][feature]["rules"]
    test = Definition.model_validate({"key": feature, **rule})
    known = {f"{d['attributeName']}||{d['attributeValue']}": d["assignments"] for d in documents}
    result = run(test, visitor(context, known))
    kept = {doc: known.get(doc, {}) | result.remembered.get(doc, {}) for doc in known | result.remembered}
    if expected is None:
        assert not result.inside
    else:
        assert result.inside is expected["inExperiment"]
        assert result.hashed is expected["hashUsed"]
        assert test.variations[result.variation] == expected["value"]
        assert test.name(result.variation) == expected["key"]
        assert (result.attribute, result.unit) == (expected["hashAttribute"], expected["hashValue"])
        assert result.bucket == pytest.approx(expected["bucket"])
        assert result.from_sticky is expected["stickyBucketUsed"]
    assert {doc: kept[doc] for doc in after} == {doc: each["assignments"] for doc, each in after.items()}
