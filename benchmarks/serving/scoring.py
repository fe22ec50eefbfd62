"""What finding and scoring candidates costs at request time, member by member, on one thread.

Each request has a history that nothing was asked of before; candidates are what the searches find, filled up with
drawn items. Memory is what the process has mapped after all of it, of which the artefacts' pages are shared.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.artefact import blend_of, history
from benchmarks.where import where
from ml.blend.score import Blend
from ml.score.ann import Exact, vectors_of
from ml.score.blend import load
from ml.score.scorer import Scorer, open_scorer

CANDIDATES, EACH, RUNS, WARM = 500, 100, 400, 100
NEAREST = ("ncf", "session")
LENGTHS = (1, 5, 20)
LEFT, RIGHT = np.ones((512, 128), np.float32), np.ones((128, 64), np.float32)
Times = dict[str, list[float]]


def main() -> None:
    """Prints one JSON object; times in microseconds, medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=250_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    given = parser.parse_args()
    models, artefact = blend_of(given.folder, given.items)
    begun = time.thread_time()
    scorer = open_scorer(models, artefact)
    figures: dict[str, object] = {"items": given.items, "open_ms": round((time.thread_time() - begun) * 1e3, 1)}
    for length in LENGTHS:
        figures[f"history_{length}"] = measured(scorer, length)
    print(
        json.dumps(figures | {"recall@100": recall(scorer, load(models, artefact)), "memory_mb": memory_mb()} | where())
    )


def measured(scorer: Scorer, length: int) -> dict[str, object]:
    """Medians and the 99th percentile of the whole, in microseconds."""
    random = np.random.default_rng(length)
    times: Times = {}
    for _ in range(RUNS + WARM):
        request(scorer, history(scorer.items, length, random), random, times)
    kept = {name: np.array(each[WARM:]) * 1e6 for name, each in times.items()}
    whole = kept["encode"] + sum(kept[name] for name in kept if name.startswith("find")) + kept["score"]
    medians = {name: round(float(np.median(each)), 1) for name, each in kept.items()}
    return medians | {
        "whole": round(float(np.median(whole)), 1),
        "whole_p99": round(float(np.quantile(whole, 0.99)), 1),
    }


def request(scorer: Scorer, looked: NDArray[np.int32], random: np.random.Generator, times: Times) -> None:
    """One request as the pipeline makes it, then each member by itself."""

    def timed(name: str, call: Callable[[], Any]) -> Any:
        begun = time.thread_time()
        found = call()
        times.setdefault(name, []).append(time.thread_time() - begun)
        return found

    encoded = timed("encode", lambda: scorer.encode(looked))
    found = [timed(f"find {name}", partial(scorer.nearest, name, encoded, EACH)) for name in NEAREST]
    found.append(timed("find alike", lambda: scorer.similar("content", int(looked[-1]), EACH)))
    found.append(timed("find transitions", lambda: scorer.neighbours(encoded, EACH)))
    rows = np.unique(np.concatenate([each[0] for each in found]))
    more = np.setdiff1d(random.integers(0, scorer.items, CANDIDATES), rows)
    candidates = np.concatenate([rows, more])[:CANDIDATES].astype(np.int32)
    timed("score", lambda: scorer.score(encoded, candidates))
    timed("bare product of 512 x 128 x 64", lambda: LEFT @ RIGHT)
    for name in scorer.names:
        timed(f"hear {name}", partial(scorer._served[name].tell, encoded.seen))
        timed(f"score {name}", partial(scorer.score, encoded, candidates, {name: 1.0}))


def recall(scorer: Scorer, blend: Blend) -> dict[str, float]:
    """Part of the true nearest 100 that the index finds."""
    random, out = np.random.default_rng(7), {}
    for name in NEAREST:
        parts = []
        exact = Exact(vectors_of(blend.models[name]))
        for _ in range(60):
            encoded = scorer.encode(history(scorer.items, 5, random))
            true = exact.search(encoded.told[name][0], EACH)[0]
            parts.append(len(np.intersect1d(true, scorer.nearest(name, encoded, EACH)[0])) / EACH)
        out[name] = round(float(np.mean(parts)), 3)
    return out


def memory_mb() -> dict[str, int]:
    """Of this process: all, and what is its own."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines}
    return {"resident": sizes["Rss"], "anonymous": sizes["Anonymous"]}


if __name__ == "__main__":
    main()
