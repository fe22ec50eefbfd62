"""The next-item model: worked examples."""

import numpy as np
import pytest
from msgspec.structs import replace

from ml.nextitem.data import SESSION_GAP_MS, sessions
from ml.nextitem.evaluate import evaluate, rank_of
from ml.nextitem.model import Config, build, transpose
from ml.nextitem.score import score
from ml.nextitem.train import train
from projections.statistics import count_session
from readmodels.statistics import Part, Statistics, merge

PLAIN = Config(decay=0.5, backward=0.0, popularity=0.0, affinity=0.0, shrinkage=0.0)
#: A → B three times as often as A → C; B → C.
COUNTS = Statistics.of(
    skus=("A", "B", "C"),
    popularity=(4, 8, 4),
    pairs=(((1, 3), (2, 1)), ((2, 5),), ()),
)
KINDS: dict[str, str | None] = {"A": "Skirts", "B": "Skirts", "C": "Sale", "D": "Sale"}


def test_transitions_are_shares_of_a_row_shrunk_where_little_is_known() -> None:
    forward = build(COUNTS, KINDS, PLAIN).forward
    assert dict(zip(*map(list, forward.row(0)), strict=True)) == {1: 0.75, 2: 0.25}
    shrunk = build(COUNTS, KINDS, replace(PLAIN, shrinkage=4.0)).forward
    assert shrunk.row(0)[1].tolist() == [3 / 8, 1 / 8]


def test_the_prior_is_the_share_of_recent_interest() -> None:
    prior = build(COUNTS, KINDS, PLAIN).prior
    assert np.allclose(prior, np.array([4, 8, 4, 0]) / 16)


def test_what_nobody_looked_at_is_in_the_model_with_nothing_to_speak_for_it() -> None:
    model = build(COUNTS, KINDS, replace(PLAIN, popularity=1.0))
    assert model.skus == ("A", "B", "C", "D")
    assert score(model, [0]).total[3] == 0


def test_the_transpose_is_the_transpose() -> None:
    random = np.random.default_rng(1)
    pairs = tuple(
        tuple((int(j), int(random.integers(1, 9))) for j in np.flatnonzero(random.random(6) < 0.4)) for _ in range(6)
    )
    skus = tuple("ABCDEF")
    forward = build(Statistics.of(skus, (0,) * 6, pairs), {}, PLAIN).forward

    def dense(rows: object) -> np.ndarray:
        matrix = np.zeros((6, 6), np.float32)
        for i in range(6):
            columns, values = rows.row(i)  # type: ignore[attr-defined]
            matrix[i, columns] = values
        return matrix

    assert np.array_equal(dense(transpose(forward, 6)), dense(forward).T)


def test_the_score_of_a_short_session() -> None:
    found = score(build(COUNTS, KINDS, PLAIN), [1, 0])  # B was the latest, A before it
    assert found.total.tolist() == [0, 0.5 * 0.75, 1.0 + 0.5 * 0.25, 0]
    assert found.because.tolist() == [-1, 1, 0, -1]


def test_backward_popularity_and_affinity() -> None:
    config = replace(PLAIN, backward=0.5, popularity=2.0, affinity=1.0)
    found = score(build(COUNTS, KINDS, config), [1])
    # A: half of T[A, B] + 2 · 4/16, times 2 for its category; C: T[B, C] + 2 · 4/16
    assert np.allclose(found.total, [(0.5 * 0.75 + 0.5) * 2, 1.0 * 2, 1.5, 0])


def test_a_stranger_gets_what_is_popular() -> None:
    found = score(build(COUNTS, KINDS, Config()), [])
    assert found.total.argmax() == 1 and set(found.because.tolist()) == {-1}


def test_ranks_ties_against_the_model_and_misses_what_it_does_not_know() -> None:
    model = build(COUNTS, KINDS, PLAIN)
    assert rank_of(model, ["A"], "B") == 1
    assert rank_of(model, ["A"], "C") == 2
    assert rank_of(model, ["C"], "D") == 3  # A, B and D have no score; C itself does not compete
    assert rank_of(model, ["A"], "unheard of") > 20


def test_hits_and_reciprocal_ranks() -> None:
    model = build(COUNTS, KINDS, PLAIN)
    found = evaluate(model, [["A", "A", "B"], ["A", "C"], ["A", "unheard of"], ["B"]])
    assert found.predictions == 3
    assert found.hr_at_20 == pytest.approx(2 / 3)
    assert found.mrr_at_20 == pytest.approx((1 + 1 / 2) / 3)


def test_training_finds_what_was_planted() -> None:
    part = Part()
    for person in range(60):
        count_session(part, [(n * 60_000, n, sku) for n, sku in enumerate("ABCD")], person)
    counts = merge([part])
    backwards = [["D", "C", "B"], ["C", "B", "A"]] * 5
    config, ranking = train(counts, KINDS, backwards)
    assert config.backward > 0
    assert ranking.mrr_at_20 > evaluate(build(counts, KINDS, replace(config, backward=0.0)), backwards).mrr_at_20
    assert train(counts, KINDS, [])[0] == Config()


def test_sessions_end_where_nothing_happened_for_long() -> None:
    looks = [(SESSION_GAP_MS + 10, 1, "B"), (10, 1, "A"), (2 * SESSION_GAP_MS + 11, 1, "C")]
    assert [[sku for _, _, sku in session] for session in sessions(looks)] == [["A", "B"], ["C"]]
