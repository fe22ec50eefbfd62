"""A blend of the size that is served, without training neural models for hours.

Sessions are made up: each walks among the items of one or two groups, popular items more often. The counting models
(popularity, transitions, VSTAN) are trained on them. NCF, the session model and the content model have the shapes and
the scales of trained ones; their item vectors lie around their group's, all other weights are drawn at random. So time
and memory are as with a trained blend; how good the answers are says nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import Artefact, Position, Registry, open_
from ml.baselines import popularity, transitions, vstan
from ml.blend.calibration import Calibration
from ml.blend.gather import Member
from ml.blend.score import Blend
from ml.content.score import Content, TowerWeights
from ml.ncf.score import Ncf
from ml.ranker import Lessons
from ml.recipes import RECIPES
from ml.score.blend import KIND, store
from ml.sequences import Floats, Sequences
from ml.session.score import Session

#: Of what is made here; another one is made anew.
MADE = 1
SESSIONS_AN_ITEM = 2
LONGEST = 12
GROUP = 100
NOISE = 0.6
SIZES = {"category": 60, "brand": 3_000, "colour": 40, "style": 40, "price": 10, "season": 5, "title": 8_192}
WEIGHTS = {"ncf": 0.45, "session": 0.35, "content": 0.15, "transitions": 0.3, "vstan": 0.35, "popularity": 0.05}


def blend_of(folder: Path, items: int) -> tuple[Path, Artefact]:
    """The models folder and the blend of so many items, made if it is not in ``folder`` yet."""
    models = folder / f"blend-{items}-{MADE}"
    digest = Registry(models).in_use(KIND)
    if digest is None:
        names = tuple(f"SKU{item:07d}" for item in range(items))
        digest = store(models, made(items), names, Position(), {}, {}).digest
        Registry(models).promote(digest)
    return models, open_(models, digest)


def made(items: int) -> Blend:
    """A blend of so many items."""
    random = np.random.default_rng(items)
    lessons = Lessons(sessions(items, random), items, None, "none")
    counts = np.bincount(lessons.sequences.items, minlength=items)
    models = {
        "ncf": ncf(counts, random),
        "session": session(counts, random),
        "content": content(items, random),
        "transitions": transitions.train(lessons),
        "vstan": vstan.train(lessons),
        "popularity": popularity.train(lessons),
    }
    members = [Member(name, RECIPES[name].form, RECIPES[name].floor) for name in WEIGHTS]
    weights = np.array([[*WEIGHTS.values()]] * 3)
    return Blend(models, members, weights, Calibration(np.linspace(-14, 0, 64), np.geomspace(1e-5, 0.4, 64)))


def sessions(items: int, random: np.random.Generator) -> Sequences:
    """Walks among the items of a group, which are neighbours by number; of groups and items the first are popular."""
    lengths = random.integers(2, LONGEST + 1, items * SESSIONS_AN_ITEM)
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    groups = (items // GROUP * random.random(len(lengths)) ** 2).astype(np.int64)
    places = (GROUP * random.random(indptr[-1]) ** 3).astype(np.int64)
    return Sequences(indptr, (np.repeat(groups, lengths) * GROUP + places).astype(np.int32))


def history(items: int, length: int, random: np.random.Generator) -> NDArray[np.int32]:
    """(length,) what somebody looked at: such walks, six items each, one after the other."""
    groups = np.repeat((items // GROUP * random.random(-(-length // 6)) ** 2).astype(np.int64), 6)[:length]
    return (groups * GROUP + (GROUP * random.random(length) ** 3).astype(np.int64)).astype(np.int32)


def ncf(counts: NDArray[np.int64], random: np.random.Generator, width: int = 128) -> Ncf:
    """With an MLP that adds about as much as the bias does."""
    vectors, scale = grouped(len(counts), width, random), 4 + float(np.log(len(counts)))
    return Ncf(
        50,
        scale,
        vectors,
        vectors @ drawn(random, width, 128, spread=1.0),
        -0.3 * np.arange(50, dtype=np.float32),
        drawn(random, width, width, spread=1.0),
        np.eye(width, dtype=np.float32),
        0.3 * np.eye(width, dtype=np.float32),
        drawn(random, width, 128, spread=1.0),
        drawn(random, 128, spread=0.1),
        drawn(random, 128, 64),
        drawn(random, 64, spread=0.1),
        drawn(random, 64),
        popular(counts),
    )


def session(counts: NDArray[np.int64], random: np.random.Generator, width: int = 100) -> Session:
    """A GRU with weights as it begins with."""
    vectors, scale = grouped(len(counts), width, random), 4 + float(np.log(len(counts)))
    inputs = vectors @ drawn(random, width, 3 * width, spread=1.0) + drawn(random, 3 * width, spread=0.1)
    square = [drawn(random, width, width) for _ in range(2)]
    return Session(
        20,
        scale,
        vectors,
        inputs,
        drawn(random, width, 3 * width),
        drawn(random, width, spread=0.1),
        square[0],
        drawn(random, width, spread=0.1),
        square[1],
        drawn(random, width),
        drawn(random, 2 * width, width),
        popular(counts),
    )


def content(items: int, random: np.random.Generator, width: int = 128) -> Content:
    """With tables of as many codes as a large shop has."""
    tables = {name: drawn(random, size, width, spread=1.0) for name, size in SIZES.items()}
    towers = [
        TowerWeights(
            drawn(random, width, 256), np.zeros(256, np.float32), drawn(random, 256, width), drawn(random, width)
        )
        for _ in range(2)
    ]
    ago = -0.1 * np.arange(20, dtype=np.float32)
    corrections = drawn(random, items, width, spread=0.3)
    return Content(
        20, 12.0, tables, *towers, drawn(random, width, spread=1.0), ago, corrections, grouped(items, width, random)
    )


def grouped(items: int, width: int, random: np.random.Generator) -> Floats:
    """(items, width) unit vectors, each near that of its group."""
    centres = random.standard_normal((-(-items // GROUP), width), dtype=np.float32)
    vectors = np.repeat(centres, GROUP, axis=0)[:items]
    vectors += NOISE * random.standard_normal((items, width), dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def popular(counts: NDArray[np.int64]) -> Floats:
    """(N,) a bias as softmax models learn it: the logarithm of how often an item came, tempered."""
    return (0.5 * np.log((counts + 1) / (counts.mean() + 1))).astype(np.float32)


def drawn(random: np.random.Generator, *shape: int, spread: float | None = None) -> Floats:
    """Normal numbers; by default with the spread that keeps a product's size."""
    return (spread or shape[0] ** -0.5) * random.standard_normal(shape, dtype=np.float32)


def main() -> None:
    """Makes one, and prints where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=250_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    given = parser.parse_args()
    models, artefact = blend_of(given.folder, given.items)
    print(models / artefact.digest)


if __name__ == "__main__":
    main()
