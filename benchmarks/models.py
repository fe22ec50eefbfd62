"""What models cost: scoring candidates against the least that numpy could do and against torch, training a million
interactions, and the quick mode end to end. One thread (``make bench-models`` sees to
that), so that figures of one run can be compared.
"""

import json
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, permutations
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from app.evaluation.formats import Files
from app.evaluation.names import BLEND
from app.evaluation.run import next_item
from benchmarks.next_item import split
from benchmarks.where import where
from ml.ncf import model as ncf_model
from ml.ncf.train import ready as ncf_ready
from ml.ncf.train import train as train_ncf
from ml.ranker import Lessons, silent
from ml.sequences import Sequences
from ml.session import model as session_model
from ml.session.train import ready as session_ready
from ml.session.train import train as train_session

ITEMS, CANDIDATES, RUNS, VIEWS = 50_000, 500, 1_500, 20
SMALL, LARGE = 50_000, 200_000
CATALOGUE = 5_000


def main() -> None:
    """Prints one JSON object."""
    torch.set_num_threads(1)
    figures = scoring() | session() | training() | quick()
    print(json.dumps(figures | where()))


def scoring() -> dict[str, float]:
    """500 candidates of one person by NCF: ours, the bare arithmetic, and the model as torch would run it."""
    torch.manual_seed(0)
    model = ncf_model.NcfModel(ITEMS, ncf_model.Config()).eval()
    torch.nn.init.normal_(model.last.weight)
    ours, random = ncf_ready(model), np.random.default_rng(0)
    user = ours.users(Sequences.of([random.integers(0, ITEMS, VIEWS).tolist()]))[0]
    asked = [random.integers(0, ITEMS, CANDIDATES) for _ in range(RUNS)]
    vectors, bias, scale = ours.items, ours.bias, np.float32(ours.scale)
    halves, inner, last = ours.halves, ours.inner, ours.last

    def bare(some: NDArray[np.int64]) -> object:
        first = np.maximum(halves[some] + (user @ ours.user_half + ours.user_bias), 0)
        return scale * (vectors[some] @ user) + bias[some] + np.maximum(first @ inner + ours.inner_bias, 0) @ last

    whole = torch.nn.Sequential(
        torch.nn.Linear(256, 128), torch.nn.ReLU(), torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)
    ).eval()
    unit, person = model.unit(None).detach(), torch.from_numpy(user)

    @torch.no_grad()
    def eager(some: NDArray[np.int64]) -> object:
        items = unit[torch.from_numpy(some)]
        both = torch.cat([person.expand(len(some), -1), items], dim=1)
        return model.config.scale * (items @ person) + model.bias[torch.from_numpy(some)] + whole(both).squeeze(1)

    ours_s, bare_s, eager_s = interleaved(asked, lambda some: ours.score(user, some), bare, eager)
    return {
        "score_us": round(ours_s * 1e6, 1),
        "score_vs_factored_numpy": round(ours_s / bare_s, 3),
        "torch_eager_vs_score": round(eager_s / ours_s, 3),
    }


def session() -> dict[str, float]:
    """The session model at request time: its last 20 views."""
    ours = session_ready(session_model.SessionModel(ITEMS, session_model.Config()).eval())
    random = np.random.default_rng(0)
    asked = [random.integers(0, ITEMS, (1, VIEWS)) for _ in range(RUNS)]
    return {"session_us": round(interleaved(asked, lambda views: ours.encode(views))[0] * 1e6, 1)}


def interleaved(asked: list[NDArray[np.int64]], *calls: Callable[[NDArray[np.int64]], object]) -> list[float]:
    """The median time of each call, in seconds; the calls take turns in every order as often, so that what slows one
    slows the others, and each finds the candidates' rows in no cache, or left there by each other, as often."""
    taken: list[list[float]] = [[] for _ in calls]
    for each, order in zip(asked, cycle(permutations(range(len(calls)))), strict=False):
        for which in order:
            begun = time.perf_counter()
            calls[which](each)
            taken[which].append(time.perf_counter() - begun)
    return [float(np.median(times[len(times) // 10 :])) for times in taken]


def training() -> dict[str, float]:
    """One epoch of the neural models over resampled sessions, at two sizes."""
    small, large = (epoch_s(made(clicks)) for clicks in (SMALL, LARGE))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "train_s_per_m_interactions": round(large / LARGE * 1e6, 1),
        "train_linear_ratio": round((large / LARGE) / (small / SMALL), 3),
        "train_peak_mb": round(peak),
    }


def made(clicks: int) -> Lessons:
    """Sessions of 2 to 12 clicks over a catalogue with popular and rare items."""
    random = np.random.default_rng(clicks)
    lengths = random.integers(2, 13, clicks // 7)
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    items = (CATALOGUE * random.random(indptr[-1]) ** 3).astype(np.int32)
    return Lessons(Sequences(indptr, items), CATALOGUE, None, "none")


def epoch_s(lessons: Lessons) -> float:
    """Seconds for an epoch of both neural models, with sampled softmax."""
    begun = time.perf_counter()
    train_session(lessons, 0, silent, replace(session_model.Config(), until=1, negatives=1024))
    train_ncf(lessons, 0, silent, replace(ncf_model.Config(), until=1, negatives=1024))
    return time.perf_counter() - begun


def quick() -> dict[str, float]:
    """The whole of ``evaluate next-item --quick`` on the e-shop's clicks."""
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        train, test = split(Path(folder))
        begun = time.perf_counter()
        found = next_item(Files("eshop", train, test), [BLEND], 0, True, lambda words: lambda part: None)[0]
    return {"quick_s": round(time.perf_counter() - begun, 1), "quick_hr@20": round(found.means["hr@20"], 4)}


if __name__ == "__main__":
    main()
