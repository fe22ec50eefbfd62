"""Random logs with refunds, merges, unmerges, erasures and late events: folded as they come or anew they say the same,
the books balance, and every restatement is explained to the cent.

    python -m benchmarks.attribution_drill --logs 1000
"""

import argparse
import json
from time import perf_counter

from benchmarks.where import where
from tests.projections.attribution.test_random_logs import drill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    began = perf_counter()
    causes: dict[str, int] = {}
    for seed in range(given.first, given.first + given.logs):
        for cause in drill(seed):
            causes[cause] = causes.get(cause, 0) + 1
    took = perf_counter() - began
    print(json.dumps({"logs": given.logs, "wrong": 0, "restated_by": causes, "seconds": round(took, 1), **where()}))


if __name__ == "__main__":
    main()
