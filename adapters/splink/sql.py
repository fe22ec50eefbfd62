"""Comparison levels in the SQL of DuckDB, as Splink's settings have them."""

from typing import Any

from ml.identity.comparisons import Comparison, Condition, Kind, Level
from ml.identity.model import LEAST, IdentityModel, Learnt, Odds

FUNCTIONS = {
    Kind.SIMILAR: "jaro_winkler_similarity",
    Kind.CROSSED_SIMILAR: "jaro_winkler_similarity",
    Kind.NEAR: "damerau_levenshtein",
}


def condition(tested: Condition) -> str:
    """One test. Names of columns are the product's own, never a user's."""
    one = tested.columns[0]
    match tested.kind:
        case Kind.EQUAL:
            return f'"{one}_l" = "{one}_r"'
        case Kind.SIMILAR:
            return f'jaro_winkler_similarity("{one}_l", "{one}_r") >= {tested.limit}'
        case Kind.NEAR:
            return f'damerau_levenshtein("{one}_l", "{one}_r") <= {tested.limit:.0f}'
        case Kind.CROSSED:
            other = tested.columns[1]
            return f'("{one}_l" = "{other}_r" or "{other}_l" = "{one}_r")'
        case Kind.CROSSED_SIMILAR:
            other, limit = tested.columns[1], tested.limit
            sides = (
                f'jaro_winkler_similarity("{a}", "{b}") >= {limit}'
                for a, b in ((f"{one}_l", f"{other}_r"), (f"{other}_l", f"{one}_r"))
            )
            return f"({' or '.join(sides)})"


def comparison(compared: Comparison, odds: tuple[Odds, ...]) -> dict[str, Any]:
    """Of Splink's settings."""
    unknown = " and ".join(f'("{need}_l" is null or "{need}_r" is null)' for need in compared.needs)
    levels: list[dict[str, Any]] = [{"sql_condition": unknown, "is_null_level": True, "label_for_charts": "unknown"}]
    for level, each in zip(compared.levels, odds, strict=False):
        levels.append(_level(" and ".join(condition(c) for c in level.conditions), level, each))
    levels.append(_level("ELSE", Level("else", ()), odds[-1]))
    return {"output_column_name": compared.name, "comparison_levels": levels}


def settings(model: IdentityModel, rules: list[str], *, detailed: bool) -> dict[str, Any]:
    """Splink's settings of a model. ``rules`` are blocking rules; ``detailed`` keeps each comparison's level."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": model.prior,
        "blocking_rules_to_generate_predictions": rules,
        "comparisons": [comparison(each.comparison, each.odds) for each in model.learnt],
        "retain_matching_columns": detailed,
        "retain_intermediate_calculation_columns": detailed,
    }


def untrained(compared: tuple[Comparison, ...], prior: float) -> IdentityModel:
    """All that was never measured: half of those who match agree at the best level. Of those who don't, nothing is
    known: what Splink does not see among random pairs stays at the least, and is not taken for a guess."""
    return IdentityModel(prior, tuple(Learnt(each, _guess(len(each.levels) + 1)) for each in compared), {})


def _guess(size: int) -> tuple[Odds, ...]:
    rest = 0.5 / (size - 1)
    return (Odds(0.5, 0.0), *(Odds(rest, 0.0) for _ in range(size - 1)))


def _level(sql: str, level: Level, odds: Odds) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sql_condition": sql,
        "label_for_charts": level.name,
        "m_probability": max(odds.m, LEAST),
        "u_probability": max(odds.u, LEAST),
    }
    if level.frequency:
        found |= {"tf_adjustment_column": level.frequency, "tf_adjustment_weight": 1.0}
    return found
