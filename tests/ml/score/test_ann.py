"""Nearest items: the index finds what a look at every item finds, and is one artefact that workers share."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from benchmarks.serving.artefact import grouped, made, ncf
from ml.artefacts import ArtefactError, Draft, Position, open_, write
from ml.artefacts.artefact import with_members
from ml.baselines.popularity import Popularity
from ml.ncf.score import Ncf
from ml.score import ann
from ml.score.blend import load, store
from ml.score.scorer import Scorer, open_scorer
from ml.sequences import Floats

ITEMS = 6_000


@pytest.fixture(scope="module")
def model() -> Ncf:
    random = np.random.default_rng(0)
    return ncf(random.integers(0, 50, ITEMS), random, 40)


@pytest.fixture(scope="module")
def people(model: Ncf) -> Floats:
    """Near the items of a group each."""
    random = np.random.default_rng(1)
    vectors = model.items[random.integers(0, ITEMS, 50)] + 0.05 * random.standard_normal((50, 40), dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def indexed(folder: Path, model: Ncf) -> ann.Inverted:
    draft = ann.index_of(model, (), Position())
    assert draft is not None
    return ann.opened(write(folder, draft), model)


def test_looking_at_every_item_finds_the_best_by_bias_and_dot_product(model: Ncf, people: Floats) -> None:
    index = ann.exact(model)
    assert index is not None
    for person in people[:5]:
        scores = model.scale * (model.items @ person) + model.bias
        rows, near = index.search(person, 30)
        assert rows.dtype == np.int32
        assert rows.tolist() == np.lexsort((np.arange(ITEMS), -scores))[:30].tolist()
        assert near * model.scale == pytest.approx(scores[rows], rel=1e-4)
        assert len(index.search(person, ITEMS + 1)[0]) == ITEMS


def test_the_index_finds_nearly_all_of_them(tmp_path: Path, model: Ncf, people: Floats) -> None:
    index, exact = indexed(tmp_path, model), ann.exact(model)
    assert exact is not None
    found = []
    for person in people:
        rows, near = index.search(person, 50)
        true, distances = exact.search(person, ITEMS)
        assert near == pytest.approx(distances[np.argsort(true)][rows], abs=0.02), "8 bits a number"
        assert (np.lexsort((rows, -near)) == np.arange(len(rows))).all()
        found.append(len(np.intersect1d(rows, true[:50])) / 50)
    assert np.mean(found) > 0.9


def test_the_same_vectors_make_the_same_artefact_and_find_the_same(tmp_path: Path, model: Ncf, people: Floats) -> None:
    drafts = [ann.index_of(model, (), Position()) for _ in "ab"]
    one, two = (write(tmp_path / name, draft) for name, draft in zip("ab", drafts, strict=True) if draft)
    assert one.digest == two.digest
    first, second = ann.opened(one, model), ann.opened(two, model)
    for person in people:
        for mine, other in zip(first.search(person, 20), second.search(person, 20), strict=True):
            assert mine.tobytes() == other.tobytes()


def test_a_blend_of_many_items_comes_with_its_indexes(tmp_path: Path) -> None:
    blend = made(ITEMS)
    artefact = store(tmp_path, blend, (), Position(), {}, {})
    roles = {role for role in artefact.manifest.members if role.startswith(ann.ROLE)}
    assert roles == {"nearest:ncf", "nearest:session", "nearest:content"}
    assert len(with_members(tmp_path, artefact.digest)) == 1 + 6 + 3, "so that they are verified, and kept by pruning"
    assert load(tmp_path, open_(tmp_path, artefact.digest)).models.keys() == blend.models.keys()
    mapped, plain = open_scorer(tmp_path, artefact), Scorer(blend)
    history = np.array([100, 101, 105], np.int32)
    rows = mapped.nearest("ncf", mapped.encode(history), 50)[0]
    assert len(np.intersect1d(rows, plain.nearest("ncf", plain.encode(history), 50)[0])) > 45
    assert len(mapped.nearest("ncf", mapped.encode(history[:0]), 50)[0]) == 0, "nothing is known of a stranger"
    with pytest.raises(KeyError):
        mapped.nearest("popularity", mapped.encode(history), 50)
    vectors = blend.models["content"].items  # type: ignore[attr-defined]
    for scorer in (mapped, plain):
        rows, near = scorer.similar("content", 7, 10)
        assert len(rows) == 10
        assert 7 not in rows
        assert near == pytest.approx(vectors[rows] @ vectors[7], abs=0.02)
        assert near.min() > np.sort(vectors @ vectors[7])[-14] - 0.02, "of all items"
        assert len(scorer.similar("content", 7, 200)[0]) == ann.ALIKE
        with pytest.raises(KeyError):
            scorer.similar("ncf", 7, 10)
        with pytest.raises(IndexError):
            scorer.similar("content", ITEMS, 10)


def test_the_file_is_mapped_and_not_read_into_memory(tmp_path: Path, model: Ncf) -> None:
    draft = ann.index_of(model, (), Position())
    assert draft is not None
    artefact = write(tmp_path, draft)
    index = ann.opened(artefact, model)
    assert str(artefact.folder) in Path("/proc/self/maps").read_text()
    assert len(index.search(model.items[0], 5)[0]) == 5


def test_small_catalogues_and_models_without_vectors_have_no_index() -> None:
    random = np.random.default_rng(0)
    assert ann.index_of(ncf(np.ones(ann.LEAST_ITEMS - 1, np.int64), random, 8), (), Position()) is None
    popularity = Popularity(np.ones(ITEMS, np.float32))
    assert ann.index_of(popularity, (), Position()) is None
    assert ann.exact(popularity) is None


def test_what_is_no_such_index_is_refused(tmp_path: Path, model: Ncf) -> None:
    config = ann.Config(ITEMS, 48, 8, 4)
    with pytest.raises(ArtefactError, match="kind: no index"):
        ann.opened(write(tmp_path, Draft("other")), model)
    with pytest.raises(ArtefactError, match="array faiss: not an index that can be read"):
        ann.opened(write(tmp_path, Draft(ann.KIND, config, {ann.ARRAY: np.zeros(100, np.uint8)})), model)
    other = faiss.serialize_index(ann.built(grouped(500, 48, np.random.default_rng(0)), config))
    with pytest.raises(ArtefactError, match="array faiss: not of this model's vectors"):
        ann.opened(write(tmp_path, Draft(ann.KIND, config, {ann.ARRAY: other})), model)
