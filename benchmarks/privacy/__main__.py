"""``python -m benchmarks.privacy``: the last line is JSON."""

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks.privacy.erasing import measure
from benchmarks.where import where

LINKING = "benchmarks.privacy.linking"
KEYS = ("link_p99_ms", "batch_link_1m_s")


def linking() -> dict[str, Any]:
    """What the identity graph's own benchmark says; null where this installation has none."""
    if find_spec(LINKING) is None:
        return dict.fromkeys(KEYS) | {"linking": "not measured: there is no linking benchmark here"}
    run: Callable[[], dict[str, Any]] = import_module(LINKING).measure
    return run()


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--persons", type=int, default=10_000)
    options.add_argument("--no-linking", action="store_true", help="erasures alone")
    given = options.parse_args()
    found = measure(given.persons)
    found |= dict.fromkeys(KEYS) | {"linking": "left out"} if given.no_linking else linking()
    print(json.dumps(found | where()))


if __name__ == "__main__":
    main()
