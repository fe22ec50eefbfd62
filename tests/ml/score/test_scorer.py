"""One person a call: what is scored among candidates is what the whole blend says, whatever was asked before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.serving.artefact import made
from ml.artefacts import Position, open_
from ml.baselines import ease, itemknn
from ml.baselines.ials import Config as IalsConfig
from ml.baselines.ials import Ials
from ml.blend.forms import Form
from ml.blend.gather import Member
from ml.blend.score import Blend
from ml.ncf.classic import NcfClassic
from ml.ranker import Lessons
from ml.recipes import RECIPES
from ml.score.blend import store
from ml.score.dots import Room
from ml.score.scorer import SERVED, Scorer, open_scorer, served
from ml.score.stored import KINDS
from ml.sequences import Rows, Sequences

ITEMS = 600
HISTORIES: list[list[int]] = [[], [3], [599], [1, 2, 3], [7, 7, 8], [5, 9, 5, 9, 5], list(range(0, 75, 3)), [4] * 30]


@pytest.fixture(scope="module")
def blend() -> Blend:
    """With every model that can be kept."""
    found = made(ITEMS)
    random = np.random.default_rng(3)
    lists = [random.integers(0, 500, 5).tolist() for _ in range(800)]
    lessons = Lessons(Sequences.of(lists), ITEMS, None, "none")
    more: dict[str, Any] = {"itemknn": itemknn.train(lessons), "ease": ease.train(lessons)}
    more["ials"] = Ials(random.standard_normal((ITEMS, 16), dtype=np.float32), IalsConfig(16))
    names = [*found.models, *more]
    members = [Member(name, RECIPES[name].form, RECIPES[name].floor) for name in names]
    weights = random.random((3, len(members))) + 0.1
    return Blend({**found.models, **more}, members, weights, found.calibration)


@pytest.fixture(scope="module")
def scorer(blend: Blend) -> Scorer:
    return Scorer(blend)


def rows(*items: int) -> Rows:
    return np.array(items, np.int32)


def drawn(seed: int, count: int) -> Rows:
    return np.random.default_rng(seed).permutation(ITEMS)[:count].astype(np.int32)


def test_every_model_that_can_be_kept_can_be_served() -> None:
    assert set(SERVED) == {kind.type for kind in KINDS.values()} - {NcfClassic}, "it is no member of a blend"
    with pytest.raises(TypeError, match="a object cannot be served"):
        served(object(), Room())  # type: ignore[arg-type]


@pytest.mark.parametrize("history", HISTORIES, ids=str)
def test_each_member_says_of_candidates_what_it_says_of_all(blend: Blend, history: list[int]) -> None:
    for member in blend.members:
        alone = Blend(blend.models, [member], np.ones((3, 1)))
        all_ = alone.scores(Sequences.of([history]))[0].astype(np.float64)
        candidates = drawn(len(history), 300)
        if member.name == "ncf":  # it orders its best 500 by the MLP too
            best = np.argsort(-(all_ - all_.min()))[:400].astype(np.int32)
            candidates = np.random.default_rng(1).permutation(best)[:300]
        scorer = Scorer(alone)
        found = scorer.score(scorer.encode(rows(*history)), candidates).total.astype(np.float64)
        assert found - found[0] == pytest.approx(all_[candidates] - all_[candidates[0]], abs=3e-5), member.name
        if member.form is Form.SHARE:
            assert found == pytest.approx(all_[candidates], abs=1e-5), "shares of the sum over all items"


def test_the_blend_is_the_sum_of_its_members(blend: Blend, scorer: Scorer) -> None:
    for history in HISTORIES:
        encoded, candidates = scorer.encode(rows(*history)), drawn(1, 100)
        found = scorer.score(encoded, candidates)
        assert found.parts.shape == (len(blend.members), 100)
        assert found.total == pytest.approx(found.parts.sum(axis=0), abs=1e-5)
        assert {found.total.dtype, found.parts.dtype, found.probability.dtype} == {np.dtype(np.float32)}
        assert (np.diff(found.probability[np.argsort(found.total)]) >= 0).all()


def test_the_same_question_has_the_same_bytes_whatever_ran_before(blend: Blend, scorer: Scorer) -> None:
    history, candidates = rows(1, 2, 3, 40, 599), drawn(5, 500)
    before = Scorer(blend)
    first = before.score(before.encode(history), candidates)
    for seed in range(20):
        other = scorer.encode(drawn(seed, seed))
        scorer.score(other, drawn(seed + 50, 1 + 25 * seed))
        scorer.neighbours(other, 10)
        again = scorer.score(scorer.encode(history), candidates)
        assert again.total.tobytes() == first.total.tobytes()
        assert again.parts.tobytes() == first.parts.tobytes()
        assert again.probability.tobytes() == first.probability.tobytes()


def test_a_failure_leaves_nothing_behind(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, candidates = scorer.encode(rows(1, 2, 3)), drawn(5, 200)
    expected = scorer.score(encoded, candidates)
    with monkeypatch.context() as patched:
        patched.setattr(scorer._served["vstan"], "scores", lambda told, block: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            scorer.score(encoded, drawn(9, 300))
    assert scorer.score(encoded, candidates).total.tobytes() == expected.total.tobytes()


def test_who_else_is_asked_for_changes_a_candidate_by_a_last_digit_at_most(scorer: Scorer) -> None:
    encoded, many = scorer.encode(rows(1, 2, 3, 40, 41)), drawn(5, ITEMS)
    whole = scorer.score(encoded, many)
    for count in (1, 2, 7, 100, 499, 512, 513):
        some = np.random.default_rng(count).permutation(ITEMS)[:count]
        few = scorer.score(encoded, many[some])
        assert few.parts == pytest.approx(whole.parts[:, some], rel=1e-5, abs=1e-5)
        counted = [row for row, name in enumerate(scorer.names) if RECIPES[name].form is Form.SHARE]
        assert few.parts[counted].tobytes() == np.ascontiguousarray(whole.parts[counted][:, some]).tobytes()


def test_weights_can_be_given_and_a_member_left_out(scorer: Scorer) -> None:
    encoded, candidates = scorer.encode(rows(1, 2, 3)), drawn(5, 50)
    given = scorer.score(encoded, candidates, {"ncf": 0.7, "content": 0.2})
    ncf, content = scorer.names.index("ncf"), scorer.names.index("content")
    assert given.total == pytest.approx(given.parts[ncf] + given.parts[content], abs=1e-6)
    assert not np.delete(given.parts, [ncf, content], axis=0).any()
    learned, without = scorer.score(encoded, candidates), scorer.score(encoded, candidates, without="session")
    session = scorer.names.index("session")
    assert without.total == pytest.approx(learned.total - learned.parts[session], abs=1e-4)
    with pytest.raises(ValueError, match="weights: no member"):
        scorer.score(encoded, candidates, {"ncf": 1.0}, without="ncf")
    with pytest.raises(ValueError, match="weights: no member"):
        scorer.score(encoded, candidates, {"unheard of": 1.0})


def test_rows_that_are_none_are_refused(scorer: Scorer) -> None:
    encoded = scorer.encode(rows(1))
    for wrong in (rows(ITEMS), rows(-1)):
        with pytest.raises(IndexError, match="rows: not all of the catalogue"):
            scorer.encode(wrong)
        with pytest.raises(IndexError, match="rows: not all of the catalogue"):
            scorer.score(encoded, wrong)


def test_no_candidates_have_no_scores(scorer: Scorer) -> None:
    assert scorer.score(scorer.encode(rows(1)), rows()).total.shape == (0,)


def test_neighbours_are_what_the_counting_model_says_most_of(blend: Blend, scorer: Scorer) -> None:
    for history in HISTORIES:
        for name in ("transitions", "itemknn", "vstan"):
            found, parts = scorer.neighbours(scorer.encode(rows(*history)), 20, name)
            scores = blend.models[name].scores(Sequences.of([history]))[0].astype(np.float64)
            expected = min(20, np.count_nonzero(scores))
            assert len(found) == expected
            assert len(set(found.tolist())) == expected
            assert parts == pytest.approx(scores[found] / max(scores.sum(), 1e-12), rel=1e-4)
            assert parts == pytest.approx(np.sort(scores)[::-1][:expected] / max(scores.sum(), 1e-12), rel=1e-4)
    with pytest.raises(KeyError):
        scorer.neighbours(scorer.encode(rows(1)), 20, "ncf")


def test_a_stored_blend_is_opened_as_a_scorer(tmp_path: Path, blend: Blend, scorer: Scorer) -> None:
    names = tuple(f"i{row}" for row in range(ITEMS))
    artefact = store(tmp_path, blend, names, Position(), {}, {})
    again = open_scorer(tmp_path, open_(tmp_path, artefact.digest))
    history, candidates = rows(1, 2, 3), drawn(2, 40)
    found = again.score(again.encode(history), candidates)
    assert found.total.tobytes() == scorer.score(scorer.encode(history), candidates).total.tobytes()
    assert (again.digest, again.encode(history).model) == (artefact.digest, artefact.digest)
