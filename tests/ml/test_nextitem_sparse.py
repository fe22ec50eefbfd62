"""The next-item model for some items says what it says for all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.nextitem.model import Config, build
from ml.nextitem.score import score
from ml.nextitem.sparse import neighbours, pairs, score_some
from readmodels.statistics import Statistics

SKUS = tuple(f"S{n}" for n in range(12))
ROWS = st.lists(
    st.dictionaries(st.integers(0, 11), st.integers(1, 9_000), max_size=5), min_size=len(SKUS), max_size=len(SKUS)
)
KINDS = {sku: "ABC"[n % 3] for n, sku in enumerate(SKUS)}


@given(ROWS, st.lists(st.integers(0, 11), max_size=6, unique=True), st.sampled_from((0.0, 0.4)))
def test_some_scores_are_those_of_all(rows: list[dict[int, int]], recent: list[int], affinity: float) -> None:
    counts = Statistics.of(SKUS, range(1, 13), [tuple(sorted(row.items())) for row in rows])
    model = build(counts, KINDS, Config(affinity=affinity))
    whole, candidates = score(model, recent), np.array([3, -1, 11, 0, 7], np.int32)
    some = score_some(model, recent, candidates)
    for mine, theirs in ((some.total, whole.total), (some.by_item, whole.by_item)):
        np.testing.assert_allclose(mine[[0, 2, 3, 4]], theirs[candidates[[0, 2, 3, 4]]], rtol=1e-5, atol=1e-7)
        assert mine[1] == 0
    found = neighbours(model, recent, 4)
    assert [whole.by_item[row] for row in found] == sorted(whole.by_item[found], reverse=True)
    assert len(found) == min(4, int((whole.by_item > 0).sum()))


@given(ROWS)
def test_pairs_are_what_one_item_says_alone(rows: list[dict[int, int]]) -> None:
    model = build(Statistics.of(SKUS, range(1, 13), [tuple(sorted(row.items())) for row in rows]), {}, Config())
    others = np.array([0, 5, -1, 11], np.int32)
    for item, said in enumerate(pairs(model, range(12), others)):
        alone = score(model, [item]).by_item
        np.testing.assert_allclose(said[[0, 1, 3]], alone[others[[0, 1, 3]]], rtol=1e-6)
        assert said[2] == 0


def test_an_empty_shop_says_nothing() -> None:
    model = build(Statistics(), {}, Config())
    assert not score_some(model, [], np.array([-1, -1], np.int32)).total.any()
    assert not len(neighbours(model, [], 3))
