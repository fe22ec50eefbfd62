"""``bespoke evaluate next-item`` from files to figures."""

import gzip
import json
import random
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import bespoke
from app.evaluation import names
from app.evaluation.formats import Files
from app.evaluation.run import next_item
from ml import recipes
from ml.recipes import RECIPES, NotForThisError
from tests.ml.worlds import rings

KEYS = {"hr@10", "hr@20", "ndcg@10", "mrr@20", "recall@20", "predictions"}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Sessions around rings of items, 80 of them to be predicted."""
    walks = rings(700, 60)
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("".join(f"{' '.join(walk)}\n" for walk in walks[:620]))
    test.write_text("".join(f"{' '.join(walk[:-1])}\t{walk[-1]}\n" for walk in walks[620:]))
    return train, test


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(bespoke, ["evaluate", "next-item", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_names_every_model() -> None:
    assert (names.BLEND, names.GIVEN, *RECIPES) == names.MODELS


NOT_SIMPLE = {"session", "ncf", "ncf-classic", "content", "blend", "ials", names.GIVEN}


@pytest.mark.parametrize("model", [name for name in names.MODELS if name not in NOT_SIMPLE])
def test_each_simple_model_beats_chance(files: tuple[Path, Path], model: str) -> None:
    code, out, _ = run("--format", "sessions", "--train", files[0], "--test", files[1], "--model", model, "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures.keys() > KEYS
    assert figures["predictions"] == 80
    if model != "popularity":
        assert figures["hr@10"] > 0.4  # by chance 10 of 60


def test_ials_beats_chance_or_says_what_it_needs(files: tuple[Path, Path]) -> None:
    code, out, err = run("--format", "sessions", "--train", files[0], "--test", files[1], "--model", "ials", "--json")
    if find_spec("implicit"):
        assert json.loads(out)["hr@10"] > 0.4
    else:
        assert (code, "needs the extra 'rivals'" in err) == (1, True)


def test_ncf_with_rows_for_persons_needs_persons(files: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    sessions = ("--format", "sessions", "--train", files[0], "--test", files[1], "--quick", "--json")
    code, _, err = run(*sessions, "--model", "ncf-classic")
    assert (code, "ncf-classic is left out: it has a row for each person" in err) == (1, True)
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"p{n} {' '.join(walk)}\n" for n, walk in enumerate(rings(700, 60))))
    code, out, _ = run("--format", "sequences", "--train", lines, "--quick", "--json", "--model", "ncf-classic")
    assert (code, json.loads(out)["predictions"]) == (0, 700)
    assert json.loads(out)["hr@20"] > 0.34  # by chance 20 of 60


def test_a_blend_says_what_its_members_are_worth(files: tuple[Path, Path]) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    arguments = ["--format", "sessions", "--train", files[0], "--test", files[1], "--quick", "--json"]
    code, out, _ = run(*arguments, "--model", "vstan", "--model", "blend")
    alone, blend = json.loads(out)["models"]
    assert code == 0
    assert alone["model"] == "vstan"
    assert set(blend["notes"]["weights"]) == {"popularity", "ease", "transitions", "vstan", "session", "ncf"}
    assert all({"ndcg@10", "low", "high", "kept"} == set(each) for each in blend["notes"]["worth"].values())
    assert 0 <= blend["notes"]["ece"] < 0.1
    assert blend["hr@10"] > 0.4


def test_given_weights_are_taken_as_they_are(files: tuple[Path, Path]) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    code, out, _ = run(
        "--format", "sessions", "--train", files[0], "--test", files[1], "--quick", "--model", names.GIVEN, "--json"
    )
    assert code == 0
    assert json.loads(out)["notes"] == {"weights": {"ncf": 0.7}}, "these sessions have no attributes"


def test_the_same_seed_gives_the_same_figures(files: tuple[Path, Path]) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    given = Files("sessions", *files)
    one, two = (next_item(given, ["session"], 3, True, lambda words: lambda part: None)[0] for _ in range(2))
    assert one.means == two.means
    assert (one.ranked.lists == two.ranked.lists).all()


def test_words_are_a_table(files: tuple[Path, Path]) -> None:
    code, out, _ = run("--format", "sessions", "--train", files[0], "--test", files[1], "--model", "transitions")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["hr@10", "transitions"]


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("p a b c\np a b\n")
    code, _, err = run("--format", "sequences", "--train", file, "--model", "popularity")
    assert code == 1
    assert err.strip().splitlines()[-1] == "bespoke: train.txt, line 2: the person has a line already"


def test_ease_is_left_out_of_large_catalogues_and_says_so(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes.ease, "MOST_ITEMS", 10)
    with pytest.raises(NotForThisError, match="EASE is left out: 60 items are more than 10"):
        next_item(Files("sessions", *files), ["ease"], 0, True, lambda words: lambda part: None)


def test_real_clicks_are_predicted_better_than_by_popularity(shared: Path, tmp_path: Path) -> None:
    """A part of the real sequences, as they are exchanged."""
    lines = gzip.decompress((shared / "data/amazon_seq/Beauty.txt.gz").read_bytes()).decode().splitlines()
    some = tmp_path / "beauty.txt"
    some.write_text("\n".join(random.Random(0).sample(lines, 3_000)))
    found = next_item(Files("sequences", some), ["popularity", "vstan"], 0, True, lambda words: lambda part: None)
    assert found[1].means["ndcg@10"] > 2 * found[0].means["ndcg@10"]


def test_a_stopped_evaluation_goes_on_where_it_was(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--format", "sessions", "--train", files[0], "--test", files[1], "--seeds", 2, "--json")
    two = ("--model", "vstan", "--model", "transitions", "--work", tmp_path / "work")
    _, straight, _ = run(*asked, "--model", "vstan", "--model", "transitions")
    with monkeypatch.context() as stopped:
        stopped.setitem(RECIPES, "transitions", replace(RECIPES["ease"], fit=refuse))
        assert run(*asked, *two)[0] != 0
    with monkeypatch.context() as gone:
        gone.setitem(RECIPES, "vstan", replace(RECIPES["vstan"], fit=refuse))
        code, out, _ = run(*asked, *two)
    assert code != 0, "the first seed alone is known"
    code, out, _ = run(*asked, *two)
    assert code == 0
    for before, after in zip(json.loads(straight)["models"], json.loads(out)["models"], strict=True):
        assert {name: before[name] for name in KEYS} == {name: after[name] for name in KEYS}
    with monkeypatch.context() as gone:
        gone.setitem(RECIPES, "vstan", replace(RECIPES["vstan"], fit=refuse))
        assert run(*asked, *two)[1] == out, "all of it is known"


def refuse(*_: object, **__: object) -> None:
    raise NotForThisError("stopped")
