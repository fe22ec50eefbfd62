"""Merges and what they leave behind: ``python -m benchmarks.identity --sequences 10000``.

Random lives of a few streams through the folds of every read model: unmerge(merge(x)) = x, and no order of ties
matters. Stops at the first life that does not hold, made as small as it can be; the last line is JSON.
"""

import argparse
import json
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.where import where
from tests.projections.sequences import KINDS, LIVES, MERGES, any_order, taken_back

SEEDS = st.integers(0, 2**32)
ALL = tuple(HealthCheck)


def run(sequences: int) -> dict[str, Any]:
    """So many of each property. Raises AssertionError."""
    counts = {"lives": 0, "merges": 0, "orders": 0}
    began = time.perf_counter()

    @settings(max_examples=sequences, deadline=None, database=None, suppress_health_check=ALL)
    @given(KINDS, LIVES, MERGES, SEEDS)
    def back(kinds: Any, acts: Any, merges: Any, seed: int) -> None:
        counts["merges"] += taken_back(kinds, acts, merges, seed)
        counts["lives"] += 1

    @settings(max_examples=sequences, deadline=None, database=None, suppress_health_check=ALL)
    @given(KINDS, LIVES, SEEDS)
    def ordered(kinds: Any, acts: Any, seed: int) -> None:
        any_order(kinds, acts, seed)
        counts["orders"] += 1

    back()
    ordered()
    return counts | {"seconds": round(time.perf_counter() - began, 1)}


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=10_000)
    print(json.dumps(run(parser.parse_args().sequences) | where()))


if __name__ == "__main__":
    main()
