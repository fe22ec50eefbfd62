"""Training and linking of whole files."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.splink.sql import settings, untrained
from ml.identity.blocking import MOST, keys
from ml.identity.cluster import Pair, automatic_weight, clusters, conflict_of
from ml.identity.comparisons import Comparison, usable
from ml.identity.fields import COLUMNS, PLACE, Prepared
from ml.identity.learn import Doubles, Levels, expectation_maximization, household
from ml.identity.model import Frequencies, IdentityModel, Learnt, Odds, frequencies
from ml.identity.score import PERSONAL, Scorer

#: Values of fewer people than this are not named in a model.
LEAST_PEOPLE = 5
RANDOM_PAIRS = 2_000_000
logging.getLogger("splink").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scored pairs: ``one`` < ``other`` are places of records, ``weight`` in bits, all (n,)."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    weight: Doubles
    levels: Levels | None = None


class MissingPackageError(RuntimeError):
    """Splink is not installed."""


def known_columns(records: Sequence[Prepared]) -> list[str]:
    """Columns that two values or more stand in."""
    found = []
    for place, column in enumerate(COLUMNS):
        values = {record[place] for record in records} - {None}
        if len(values) > 1:
            found.append(column)
    return found


def train(records: Sequence[Prepared], files: Sequence[int] | None = None, seed: int = 1) -> IdentityModel:
    """A model from records that nobody has labelled. Raises ValueError where nothing can be compared."""
    compared = usable(known_columns(records))
    if not compared:
        raise ValueError("no column of these records can be compared")
    pairs = len(records) * (len(records) - 1) // 2
    counted = _frequencies(records, compared)
    blank = untrained(compared, min(0.5, 1 / max(len(records), 2)))
    random = _random_agreement(records, blank, pairs, seed)
    candidates = score(records, IdentityModel(blank.prior, blank.learnt, counted), files, levels=True)
    assert candidates.levels is not None
    start = [np.array([odds.m for odds in each.odds]) for each in blank.learnt]
    prior, m, u = expectation_maximization(candidates.levels, random, start, pairs, records=len(records))
    learnt = tuple(
        Learnt(each, tuple(Odds(float(a), float(b)) for a, b in zip(of_m, of_u, strict=True)))
        for each, of_m, of_u in zip(compared, m, u, strict=True)
    )
    personal = [place for place, each in enumerate(compared) if each.name in PERSONAL]
    return IdentityModel(prior, learnt, counted, len(records), household(candidates.levels, personal, prior, m, u))


def score(
    records: Sequence[Prepared], model: IdentityModel, files: Sequence[int] | None = None, *, levels: bool = False
) -> Pairs:
    """All pairs that share a blocking key, between two ``files`` only where they are given, with their match weight as
    Splink computes it."""
    frame, rules = _blocked(records, files)
    linker = _linker(frame, settings(model, rules, detailed=levels))
    _register_frequencies(linker, records, model)
    predicted = linker.inference.predict().as_pandas_dataframe()
    one, other = (np.asarray(predicted[f"unique_id_{side}"], np.int64) for side in "lr")
    found = None
    if levels:
        names = [each.comparison.name for each in model.learnt]
        sizes = [len(each.odds) for each in model.learnt]
        found = _levels(predicted, names, sizes)
    weights = np.asarray(predicted["match_weight"], np.float64)
    return Pairs(np.minimum(one, other), np.maximum(one, other), weights, found)


def persons(records: Sequence[Prepared], pairs: Pairs, model: IdentityModel) -> list[tuple[int, ...]]:
    """Groups of two records or more that are linked without asking, by place; see ``ml.identity.cluster``."""
    conflict = conflict_of(Scorer(model))
    chosen = pairs.weight >= automatic_weight()
    rows = zip(pairs.one[chosen].tolist(), pairs.other[chosen].tolist(), pairs.weight[chosen].tolist(), strict=True)
    return clusters((Pair(*row) for row in rows), lambda one, other: conflict(records[one], records[other]))


def _levels(predicted: Any, names: Sequence[str], sizes: Sequence[int]) -> Levels:
    """Splink counts from the worst level up; we from the best one down."""
    columns = [np.asarray(predicted[f"gamma_{name}"], np.int64) for name in names]
    places = [np.where(c < 0, -1, size - 1 - c) for c, size in zip(columns, sizes, strict=True)]
    return np.stack(places, axis=1).astype(np.int8)


def _random_agreement(records: Sequence[Prepared], blank: IdentityModel, pairs: int, seed: int) -> list[Doubles]:
    """u of each comparison's levels. What was not seen among so many pairs is at most half of one of them."""
    linker = _linker(frame_of(records), settings(blank, ["1=0"], detailed=False))
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed)
    trained = linker.misc.save_model_to_json()
    least = 0.5 / min(pairs, RANDOM_PAIRS)
    found = []
    for comparison in trained["comparisons"]:
        seen = [
            level.get("u_probability") for level in comparison["comparison_levels"] if not level.get("is_null_level")
        ]
        numbers = np.array([max(u if isinstance(u, float) else 0.0, least) for u in seen])
        found.append(numbers / numbers.sum())
    return found


def frame_of(records: Sequence[Prepared]) -> Any:
    """A table of the records for Splink; ``unique_id`` is the place."""
    import pandas as pd

    columns = {
        name: pd.Series([value.decode() if (value := r[place]) is not None else None for r in records], dtype="object")
        for name, place in PLACE.items()
    }
    return pd.DataFrame({"unique_id": np.arange(len(records)), **columns})


def _blocked(records: Sequence[Prepared], files: Sequence[int] | None) -> tuple[Any, list[str]]:
    import pandas as pd

    frame = frame_of(records)
    made = list(zip(*(keys(record) for record in records), strict=True))
    rules, across = [], ""
    if files is not None:
        frame["file"] = np.asarray(files, np.int64)
        across = " and l.file <> r.file"
    for number, of_rule in enumerate(made):
        sizes = Counter(key for key in of_rule if key is not None)
        kept = [key.decode(errors="replace") if key is not None and 1 < sizes[key] <= MOST else None for key in of_rule]
        if any(key is not None for key in kept):
            frame[f"key_{number}"] = pd.Series(kept, dtype="object")
            rules.append(f"l.key_{number} = r.key_{number}{across}")
    return frame, rules or ["1=0"]


def _linker(frame: Any, made: dict[str, Any]) -> Any:
    try:
        from splink import DuckDBAPI, Linker
    except ImportError:
        raise MissingPackageError("linking needs Splink: pip install 'bespoke[identity]'") from None
    return Linker(frame, made, db_api=DuckDBAPI(), validate_settings=False, set_up_basic_logging=False)


def _register_frequencies(linker: Any, records: Sequence[Prepared], model: IdentityModel) -> None:
    import pandas as pd

    for column in _adjusted(each.comparison for each in model.learnt):
        values = sorted({value for r in records if (value := r[PLACE[column]]) is not None})
        known = model.frequencies[column]
        words = [value.decode() for value in values]
        table = pd.DataFrame({column: words, f"tf_{column}": [known.of(word) for word in words]})
        linker.table_management.register_term_frequency_lookup(table, column)


def _adjusted(compared: Any) -> list[str]:
    found = {level.frequency for comparison in compared for level in comparison.levels if level.frequency}
    return sorted(found)


def _frequencies(records: Sequence[Prepared], compared: Sequence[Comparison]) -> dict[str, Frequencies]:
    found = {}
    for column in _adjusted(compared):
        counts = Counter(value for r in records if (value := r[PLACE[column]]) is not None)
        found[column] = frequencies({value.decode(): n for value, n in counts.items()}, LEAST_PEOPLE)
    return found
