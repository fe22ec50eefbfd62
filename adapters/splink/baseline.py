"""Splink as its own guide sets it up, for comparison: its library's comparisons, its own training."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from adapters.splink.engine import Pairs, frame_of, known_columns
from ml.identity.fields import Prepared

SINGLE_UP_TO = 20_000
BLOCKS = ("given", "surname", "born", "postcode", "email", "phone", "personal_id", "city")
RECALL = 0.7
RANDOM_PAIRS = 1_000_000


def score(records: Sequence[Prepared], files: Sequence[int] | None = None, seed: int = 1) -> Pairs | None:
    """Pairs as Splink finds and weighs them; None where it cannot with these columns."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.internals.exceptions import EMTrainingException, SplinkException

    known = known_columns(records)
    rules = _rules(known, len(records), block_on)
    compared = _comparisons(known)
    if not rules or len(compared) < 2:
        return None
    frame = frame_of(records)
    made = SettingsCreator(link_type="dedupe_only", comparisons=compared, blocking_rules_to_generate_predictions=rules)
    linker: Any = Linker(frame, made, db_api=DuckDBAPI(), set_up_basic_logging=False)
    sure: list[Any] = [
        block_on(*each) for each in (("given", "surname", "born"), ("email",)) if set(each) <= set(known)
    ]
    if sure:
        with suppress(SplinkException, ValueError):
            linker.training.estimate_probability_two_random_records_match(sure, recall=RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed)
    for each in (("given", "surname"), ("born",)):
        if set(each) <= set(known):
            with suppress(EMTrainingException):
                linker.training.estimate_parameters_using_expectation_maximisation(block_on(*each))
    return _pairs(linker.inference.predict(threshold_match_weight=-10).as_pandas_dataframe(), files)


def _pairs(found: Any, files: Sequence[int] | None) -> Pairs:
    one, other = (np.asarray(found[f"unique_id_{side}"], np.int64) for side in "lr")
    weight = np.asarray(found["match_weight"], np.float64)
    if files is None:
        return Pairs(one, other, weight)
    of = np.asarray(files)
    across = of[one] != of[other]
    return Pairs(one[across], other[across], weight[across])


def _rules(known: Sequence[str], records: int, block_on: Any) -> list[Any]:
    names = [name for name in BLOCKS if name in known]
    if records <= SINGLE_UP_TO:
        return [block_on(name) for name in names if name != "city"]
    return [block_on(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def _comparisons(known: Sequence[str]) -> list[Any]:
    import splink.comparison_library as library

    cl: Any = library

    made = {
        "given": lambda: cl.NameComparison("given").configure(term_frequency_adjustments=True),
        "surname": lambda: cl.NameComparison("surname").configure(term_frequency_adjustments=True),
        "born": lambda: cl.DamerauLevenshteinAtThresholds("born", [1, 2]),
        "number": lambda: cl.ExactMatch("number").configure(term_frequency_adjustments=True),
        "street": lambda: cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
        "locality": lambda: cl.JaroWinklerAtThresholds("locality", [0.9, 0.8]),
        "city": lambda: cl.JaroWinklerAtThresholds("city", [0.9]).configure(term_frequency_adjustments=True),
        "postcode": lambda: cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        "state": lambda: cl.ExactMatch("state"),
        "phone": lambda: cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        "email": lambda: cl.EmailComparison("email"),
        "personal_id": lambda: cl.DamerauLevenshteinAtThresholds("personal_id", [1, 2]),
    }
    return [make() for name, make in made.items() if name in known]  # type: ignore[no-untyped-call]
