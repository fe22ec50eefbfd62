"""The baselines against their formulas, worked out by brute force."""

from math import e, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.baselines import ease, itemknn, popularity, transitions, vstan
from ml.ranker import Lessons
from ml.sequences import Sequences

LISTS = [[0, 1, 2], [1, 2], [0, 1, 1, 3], [3, 0]]
ITEMS = 5


def lessons(lists: list[list[int]], items: int = ITEMS) -> Lessons:
    return Lessons(Sequences.of(lists), items, None, "none")


small = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=6), min_size=1, max_size=12)


@given(small, st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=5))
def test_itemknn_is_the_sum_of_cosines(lists: list[list[int]], history: list[int]) -> None:
    model = itemknn.train(lessons(lists), config=itemknn.Config(neighbours=ITEMS))
    sets = [{s for s, each in enumerate(lists) if item in each} for item in range(ITEMS)]
    expected = [
        sum(len(sets[i] & sets[j]) / sqrt(len(sets[i]) * len(sets[j])) for i in set(history) if i != j and sets[i])
        if sets[j]
        else 0.0
        for j in range(ITEMS)
    ]
    assert model.scores(Sequences.of([history]))[0] == pytest.approx(expected, abs=1e-5)


def test_itemknn_keeps_the_nearest_alone() -> None:
    model = itemknn.train(lessons([[0, 1], [0, 1], [0, 2]]), config=itemknn.Config(neighbours=1))
    scores = model.scores(Sequences.of([[0]]))[0]
    assert scores[1] == pytest.approx(2 / sqrt(3 * 2))
    assert scores[2] == 0


@given(small)
def test_what_is_learnt_from_is_left_as_it_was(lists: list[list[int]]) -> None:
    given_ = lessons(lists)
    before = given_.sequences.items.copy(), given_.sequences.indptr.copy()
    for train in (itemknn.train, ease.train, transitions.train, vstan.train, popularity.train):
        train(given_)
    assert (given_.sequences.items == before[0]).all()
    assert (given_.sequences.indptr == before[1]).all()


@given(small)
def test_ease_is_steck_s_closed_form(lists: list[list[int]]) -> None:
    x = np.zeros((len(lists), ITEMS))
    for row, each in enumerate(lists):
        x[row, each] = 1
    inverse = np.linalg.inv(x.T @ x + 3.0 * np.eye(ITEMS))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    model = ease.train(lessons(lists), config=ease.Config(ridge=3.0))
    assert model.weights == pytest.approx(expected, abs=1e-4)


def test_ease_says_when_there_are_too_many_items() -> None:
    with pytest.raises(ease.TooManyItemsError, match="30,001 items"):
        ease.train(lessons([[0]], ease.MOST_ITEMS + 1))


def test_recent_popularity_halves() -> None:
    model = popularity.train(lessons([[0], [1]]), config=popularity.Config(half_life=0.5))
    assert model.share[1] == pytest.approx(2 * model.share[0])
    assert model.share.sum() == pytest.approx(1)


def test_transitions_count_pairs_by_how_near_they_are() -> None:
    config = transitions.Config(within=2, decay=0.5, backward=0.25, popular=0.0, recency=0.1)
    scores = transitions.train(lessons([[0, 1, 2]]), config=config).scores(Sequences.of([[0], [2], [0, 2]]))
    assert scores[0].tolist() == pytest.approx([0, 1, 0.5, 0, 0])
    assert scores[1].tolist() == pytest.approx([0.125, 0.25, 0, 0, 0])
    assert scores[2].tolist() == pytest.approx([0.125, 0.25 + 0.1, 0.05, 0, 0])


def brute_vstan(lists: list[list[int]], history: list[int], config: vstan.Config) -> list[float]:
    """As the docstrings say it, session by session."""
    total, idf = len(lists), []
    for item in range(ITEMS):
        having = sum(item in each for each in lists)
        idf.append(log((total + 1) / (having + 1)) / log(total + 2))
    present: dict[int, float] = {}
    for ago, item in enumerate(reversed(history)):
        present.setdefault(item, exp(-ago / config.recency) * (1 + config.rarity * idf[item]))
    scores = [0.0] * ITEMS
    for number, each in enumerate(lists):
        shared = [item for item in present if item in each]
        if not shared:
            continue
        weight = sum(present[item] for item in shared) / sqrt(len(each))
        weight *= exp(-(total - number) / total / config.age)
        place = max(p for p, item in enumerate(each) if item == shared[0])
        for p, item in enumerate(each):
            side = config.backward if p < place else config.same if p == place else 1.0
            scores[item] += weight * side * exp(-abs(p - place) / config.distance)
    return [score * (1 + config.rarity * idf[item]) for item, score in enumerate(scores)]


@given(small, st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=5))
def test_vstan_is_what_it_says(lists: list[list[int]], history: list[int]) -> None:
    config = vstan.Config(recency=1.5, age=0.7, distance=e, rarity=0.8, backward=0.4, same=0.9)
    found = vstan.train(lessons(lists), config=config).scores(Sequences.of([history]))[0]
    assert found == pytest.approx(brute_vstan(lists, history, config), abs=1e-5)


def test_nobody_known_gets_no_neighbours() -> None:
    model = vstan.train(lessons(LISTS))
    assert not model.scores(Sequences.of([[], [4]])).any()


def test_ials_folds_persons_in_as_implicit_does() -> None:
    pytest.importorskip("implicit", reason="needs the extra 'rivals'")
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    from ml.baselines import ials
    from ml.baselines.incidence import incidence

    learnt = lessons([[n % ITEMS, (n * n) % ITEMS, (n + 1) % ITEMS] for n in range(30)])
    config = ials.Config(width=4)
    having = csr_matrix(incidence(learnt.sequences, ITEMS))
    with threadpool_limits(1, "blas"):  # it warns otherwise
        model = AlternatingLeastSquares(
            factors=4, regularization=config.regularization, alpha=config.confidence, random_state=0, num_threads=1
        )
        model.fit(having, show_progress=False)
    ours = ials.Ials(model.item_factors, config)
    expected = model.recalculate_user(np.arange(30), having)
    assert ours.users(learnt.sequences) == pytest.approx(expected, abs=1e-4)
