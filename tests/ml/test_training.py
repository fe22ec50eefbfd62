"""Training: which configuration is chosen, and what it is chosen by."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ml.nextitem.data import SESSION_GAP_MS, sessions
from ml.nextitem.evaluate import Ranking, evaluate, rank_of
from ml.nextitem.model import Config, Rows, build, transpose
from ml.nextitem.score import score
from ml.nextitem.train import candidates, train
from readmodels.statistics import Statistics

#: 60 items in a ring, each followed by the next; every third one is a shoe.
SKUS = tuple(f"S{n:02}" for n in range(60))
KINDS: dict[str, str | None] = {sku: "Shoes" if n % 3 == 0 else "Skirts" for n, sku in enumerate(SKUS)}
RING = Statistics.of(SKUS, (1,) * 60, tuple((((n + 1) % 60, 9000),) for n in range(60)))
FLAT = Statistics.of(SKUS, (1,) * 60, ((),) * 60)


def test_the_planted_configuration_is_chosen() -> None:
    shoes = [[SKUS[0], SKUS[3]], [SKUS[6], SKUS[9], SKUS[12]]] * 3
    config, ranking = train(FLAT, KINDS, shoes)
    assert config.affinity > 0, "only the category tells shoes from skirts"
    assert ranking == evaluate(build(FLAT, KINDS, config), shoes)
    assert ranking.hr_at_20 > evaluate(build(FLAT, KINDS, replace(config, affinity=0.0)), shoes).hr_at_20


def test_of_all_candidates_the_chosen_one_is_the_best() -> None:
    later = [[SKUS[n], SKUS[n + 1], SKUS[n - 1]] for n in range(1, 20)]
    tried: list[None] = []
    config, ranking = train(RING, KINDS, later, lambda: tried.append(None))
    found = [evaluate(build(RING, KINDS, each), later) for each in candidates()]
    assert ranking.hr_at_20 + ranking.mrr_at_20 == max(each.hr_at_20 + each.mrr_at_20 for each in found)
    assert config in set(candidates()) and len(tried) == len(found)


def test_later_sessions_are_only_asked_about() -> None:
    before = (RING, dict(KINDS))
    train(RING, KINDS, [[SKUS[0], "unheard of"], ["unheard of", SKUS[0]]])
    assert before == (RING, KINDS)
    model = build(RING, KINDS, Config())
    held_back = [[SKUS[0], SKUS[30]]] * 50
    ranks = [rank_of(model, session[:1], session[1]) for session in held_back]
    assert set(ranks) == {60 - 1}, "tied with all that nothing speaks for, however often it is asked"


@pytest.mark.parametrize("known", [0, 1, 19, 20, 21])
def test_what_is_unknown_is_missed_in_a_small_shop_too(known: int) -> None:
    counts = Statistics.of(SKUS[:known], (1,) * known, ((),) * known)
    assert evaluate(build(counts, {}, Config()), [["x", "unheard of"]]) == Ranking(0.0, 0.0, 1)


def test_the_twentieth_is_a_hit_and_the_next_is_not() -> None:
    rows = tuple((n, 100 - n) for n in range(1, 60))
    model = build(Statistics.of(SKUS, (1,) * 60, (rows, *((),) * 59)), {}, Config(popularity=0.0))
    for rank in (1, 19, 20):
        assert evaluate(model, [[SKUS[0], SKUS[rank]]]) == Ranking(1.0, 1 / rank, 1)
    assert evaluate(model, [[SKUS[0], SKUS[21]]]) == Ranking(0.0, 0.0, 1)


def test_only_the_latest_items_count() -> None:
    config = Config(decay=0.5, backward=0.0, popularity=0.0, recent=2)
    total = score(build(RING, KINDS, config), [0, 10, 20]).total
    assert np.flatnonzero(total).tolist() == [1, 11]
    assert total[1] == 2 * total[11]


MATRICES = st.lists(st.dictionaries(st.integers(0, 6), st.integers(1, 10**6), max_size=7), min_size=7, max_size=7)


@settings(max_examples=60, deadline=None)
@given(
    MATRICES,
    st.lists(st.integers(0, 6), max_size=6),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.sampled_from([0.0, 0.2, 0.4]),
)
def test_scores_are_the_formula_s(rows: list[dict[int, int]], recent: list[int], decay: float, backward: float) -> None:
    config = Config(decay=decay, backward=backward, popularity=0.5, affinity=0.7, shrinkage=10.0)
    kinds: dict[str, str | None] = {SKUS[n]: ("Skirts", "Shoes", None)[n % 3] for n in range(7)}
    pairs = tuple(tuple(sorted(row.items())) for row in rows)
    model = build(Statistics.of(SKUS[:7], tuple(n + 1 for n in range(7)), pairs), kinds, config)
    counts = np.zeros((7, 7))
    for i, row in enumerate(rows):
        counts[i, list(row)] = list(row.values())
    share = counts / (counts.sum(1, keepdims=True) + 10.0)
    items = np.zeros(7)
    for rank, item in enumerate(recent):
        items += decay**rank * (share[item] + backward * share[:, item])
    prior = np.arange(1, 8) / 28
    of = [kinds[SKUS[n]] for n in range(7)]
    affinity = np.array([sum(of[item] == kind for item in recent) / max(len(recent), 1) if kind else 0 for kind in of])
    found = score(model, recent)
    assert np.allclose(found.total, (items + 0.5 * prior) * (1 + 0.7 * affinity), rtol=1e-4, atol=1e-6)
    assert np.allclose(_dense(model.backward, 7), share.T, rtol=1e-5)
    assert np.array_equal(_dense(transpose(model.backward, 7), 7), _dense(model.forward, 7))


def _dense(rows: Rows, n: int) -> np.ndarray:
    matrix = np.zeros((n, n), np.float32)
    for i in range(n):
        columns, values = rows.row(i)
        matrix[i, columns] = values
    return matrix


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10 * SESSION_GAP_MS), st.integers(0, 9), st.just("A"))))
def test_sessions_cut_at_every_pause_and_lose_nothing(looks: list[tuple[int, int, str]]) -> None:
    found = list(sessions(looks))
    assert [each for session in found for each in session] == sorted(looks)
    assert all(later[0] - earlier[0] <= SESSION_GAP_MS for each in found for earlier, later in pairwise(each))
    assert all(later[0][0] - earlier[-1][0] > SESSION_GAP_MS for earlier, later in pairwise(found))
