"""``bespoke evaluate attribution``: files as users have them, and the real paths against ChannelAttribution 2.2.5 (its
numbers alone are kept; it simulates its Markov chains, so those agree as far as its simulation is exact)."""

import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.datasets.paths import Columns, read
from app.cli import bespoke
from app.evaluation.attribution import evaluate
from projections.attribution.models import MODELS, Options

GOLDEN = json.loads((Path(__file__).parent / "channel_attribution_2_2_5.json").read_text())
HEAD = "path;total_conversions;total_conversion_value;total_null\n"


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def real(shared: Path) -> Path:
    return shared / "data" / "attribution" / "ChannelAttribution_PathData.csv.gz"


def test_rules_of_thumb_are_those_of_another_program(real: Path) -> None:
    told = run(str(real), "--models", "first,last,linear")["models"]
    for model in ("first", "last", "linear"):
        for channel, theirs in GOLDEN["heuristic"].items():
            ours = told[model]["credits"][channel]
            assert float(ours["conversions"]) == pytest.approx(theirs[f"{model}_touch_conversions"], rel=1e-9, abs=1e-5)
            assert float(ours["value"]) == pytest.approx(theirs[f"{model}_touch_value"], rel=1e-7, abs=1e-3)


def test_linear_is_exact_to_less_than_a_millionth(real: Path) -> None:
    by_hand: dict[str, Fraction] = {}
    for path in read(real, Columns()).paths:
        for channel in path.channels:
            by_hand[channel] = by_hand.get(channel, Fraction()) + Fraction(path.value, len(path.channels))
    (made,) = evaluate(real, Columns(), ["linear"], Options()).models
    assert all(abs(made.credits[name].value - part) < 1 for name, part in by_hand.items())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_removal_effects_are_those_that_another_program_simulates(real: Path, order: int) -> None:
    told = run(str(real), "--models", f"markov-{order}")["models"][f"markov-{order}"]["removal_effects"]
    for channel, (conversions, value) in GOLDEN[f"markov-{order}"].items():
        assert told[channel]["conversions"] == pytest.approx(conversions, abs=0.01)
        assert told[channel]["value"] == pytest.approx(value, abs=0.02)


def test_credits_of_all_models_sum_to_the_scaled_total(real: Path) -> None:
    found = evaluate(real, Columns(), MODELS, Options(half_life=7))
    assert found.exact() and found.value == 74_802_971_582 and found.conversions == 19_785_000_000
    assert (found.rows, len(found.channels), len(found.models)) == (10_000, 12, len(MODELS))


def test_columns_and_separator_are_named_by_the_user(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv.gz"
    file.write_bytes(gzip.compress(b"way,sold,euros\nads/mail,2,1.5\nmail,1,0.25\n,1,4\n"))
    columns = ("--path", "way", "--conversions", "sold", "--value", "euros", "--nulls", "", "--separator", "/")
    told = run(str(file), *columns, "--models", "linear,last-non-direct", "--direct", "mail")
    assert told["models"]["linear"]["credits"]["ads"]["value"] == "0.750000"
    assert told["models"]["last-non-direct"]["credits"]["ads"]["value_micro"] == 1_500_000
    assert told["unattributed"]["value"] == "4.000000" and told["total"]["value"] == "5.750000"
    assert told["credits_exact"] is True


def test_values_beyond_six_decimals_are_rounded_and_counted(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(HEAD + "a;1;0.0000005;0\na;1;0.0000015;0\na;1;0.25;0\n")
    told = run(str(tmp_path / "p.csv"), "--models", "first")
    assert told["values_rounded"] == 2 and told["total"]["value_micro"] == 250_002


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a > ;1;1;0", "line 2: path has a channel of no"),
        ("a;-1;1;0", "line 2: total_conversions is not a number of 0"),
        ("a;1.5;1;0", "line 2: total_conversions is not a whole number"),
        ("a;1;much;0", "line 2: total_conversion_value is not a number"),
        ("a;1;NaN;0", "line 2: total_conversion_value is not a number"),
        ("a;1;1e99;0", "line 2: total_conversion_value is not a number"),
        ("a;0;1;0", "line 2: total_conversion_value without any total_conversions"),
        ("a;1;1", "line 2: total_null is missing"),
        (" > ".join("a" for _ in range(10_001)) + ";1;1;0", "more than 10,000 channels"),
        ("", "no row"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, row: str, reason: str) -> None:
    (tmp_path / "p.csv").write_text(HEAD + row + "\n")
    with pytest.raises(ValueError) as told:
        read(tmp_path / "p.csv", Columns())
    assert reason in str(told.value) and "much" not in str(told.value)


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(HEAD + "".join(f"c{n};1;1;0\n" for n in range(501)))
    with pytest.raises(ValueError, match="more than 500 different"):
        read(tmp_path / "p.csv", Columns())


def test_a_model_that_there_is_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(HEAD + "a;1;1;0\n")
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", str(tmp_path / "p.csv"), "--models", "guess"])
    assert done.exit_code == 1


def test_words_for_people(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(HEAD + "a > b;1;2.5;1\n")
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", str(tmp_path / "p.csv")])
    assert done.exit_code == 0 and "markov-1" in done.output and "1.250" in done.output
