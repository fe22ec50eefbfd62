"""``bespoke evaluate attribution`` on files as anybody may have them, against what each model says by definition:
fractions, elimination by hand, marginal gains over all orders."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.datasets.paths import Columns
from app.cli import bespoke
from app.evaluation.attribution import evaluate
from projections.attribution.models import MODELS, Options

HEAD = ("path", "total_conversions", "total_conversion_value", "total_null")
MILLION = 1_000_000
Row = tuple[tuple[str, ...], int, Decimal, int]
EXAMPLE: list[Row] = [
    (("search", "e-mail"), 3, Decimal("120.5"), 2),
    (("e-mail",), 1, Decimal("0.000001"), 4),
    (("search", "search", "direct"), 2, Decimal("99.99"), 0),
    ((), 1, Decimal(7), 1),
]


def run(file: Path, *more: str) -> Any:
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", str(file), "--models", "all", "--json", *more])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["credits_exact"] and told["refused"] == {}
    for model in told["models"].values():
        for unit in ("value_micro", "conversions_micro"):
            credited = sum(each[unit] for each in model["credits"].values())
            assert credited + told["unattributed"][unit] == told["total"][unit]
            assert all(each[unit] >= 0 for each in model["credits"].values())
    return told


def refusal(file: Path, *more: str) -> str:
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", str(file), "--models", "all", "--json", *more])
    assert done.exit_code == 1 and not done.stdout
    return " ".join(done.stderr.split())


def text(rows: list[Row], between: str = ";", end: str = "\n", quote: str = "") -> str:
    lines = [between.join(HEAD)]
    for path, conversions, value, nulls in rows:
        lines.append(between.join((f"{quote}{' > '.join(path)}{quote}", str(conversions), str(value), str(nulls))))
    return end.join((*lines, ""))


def written(folder: Path, content: str | bytes, name: str = "paths.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def timeless(told: Any) -> Any:
    return {name: each for name, each in told.items() if name != "seconds"}


@pytest.mark.parametrize("between", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_however_it_is_written_it_says_the_same(tmp_path: Path, between: str, end: str, quote: str) -> None:
    plain = timeless(run(written(tmp_path, text(EXAMPLE))))
    other = text(EXAMPLE, between, end, quote)
    assert timeless(run(written(tmp_path, "\ufeff" + other))) == plain
    assert timeless(run(written(tmp_path, gzip.compress(other.encode()), "paths.csv.gz"))) == plain
    assert timeless(run(written(tmp_path, other.rstrip() + end * 3))) == plain


def test_channels_may_have_blanks_commas_and_any_script(tmp_path: Path) -> None:
    names = ("Bezahlte Suche", "広告, 東京", "réseaux sociaux", "e\u0301mail", "50% off", "a;b")
    row = f'"{" > ".join(names)}",2,10,0'
    told = run(written(tmp_path, ",".join(HEAD) + f"\n{row}\n"))
    assert told["channels"] == sorted(names)
    assert {each["value_micro"] for each in told["models"]["shapley"]["credits"].values()} <= {1_666_666, 1_666_667}


def test_columns_that_a_file_has_not_count_as_nothing_and_are_told(tmp_path: Path) -> None:
    told = run(written(tmp_path, "path;total_conversions;total_conversion_value\na > b;2;3.5\n"))
    assert told["columns_missing"] == ["total_null"] and told["total_null"] == 0
    told = run(written(tmp_path, "total_conversions,path\n2,a > b\n"))
    assert told["columns_missing"] == ["total_conversion_value", "total_null"] and told["total"]["value_micro"] == 0
    assert told["models"]["linear"]["credits"]["a"]["conversions"] == "1.000000"
    few = written(tmp_path, "path;total_conversion_value\na;1\n")
    assert "no column total_conversions" in refusal(few)
    assert "no column nulls" in refusal(written(tmp_path, text(EXAMPLE)), "--nulls", "nulls"), "one that was named"


def test_one_channel_has_all_under_every_model(tmp_path: Path) -> None:
    told = run(written(tmp_path, text([(("only",) * 3, 2, Decimal("9.99"), 5), (("only",), 1, Decimal(1), 0)])))
    assert {each["credits"]["only"]["value_micro"] for each in told["models"].values()} == {10_990_000}
    assert all(told["models"][f"markov-{n}"]["removal_effects"]["only"]["value"] == 1.0 for n in (1, 2, 3, 4))


def test_what_came_without_a_channel_is_nobodys(tmp_path: Path) -> None:
    told = run(written(tmp_path, text([((), 4, Decimal("2.5"), 9)])))
    assert told["unattributed"] == told["total"] and told["channels"] == []
    assert all(each["credits"] == {} for each in told["models"].values())


def test_where_nothing_was_sold_nobody_is_credited(tmp_path: Path) -> None:
    told = run(written(tmp_path, text([(("a", "b"), 0, Decimal(0), 5), (("b",), 0, Decimal(0), 0)])))
    for model in told["models"].values():
        assert {each["value_micro"] + each["conversions_micro"] for each in model["credits"].values()} == {0}


def test_the_same_path_many_times_is_one(tmp_path: Path) -> None:
    path = ("a", "b", "a")
    once = run(written(tmp_path, text([(path, 6, Decimal("0.6"), 3), (("b",), 1, Decimal(1), 1)])))
    many = [(path, 2, Decimal("0.2"), 1), (("b",), 1, Decimal(1), 1), (path, 4, Decimal("0.4"), 2)]
    often = run(written(tmp_path, text(many)))
    assert often["models"] == once["models"] and (often["rows"], often["different_paths"]) == (3, 2)


def test_long_ways_that_turn_in_circles_are_solved(tmp_path: Path) -> None:
    rows = [
        (("a", "b") * 100, 1, Decimal(10), 1),
        (("a",) * 200, 2, Decimal(1), 0),
        (("b", "c") * 2, 1, Decimal(5), 3),
    ]
    told = run(written(tmp_path, text(rows)))
    for order in (1, 2, 3, 4):
        found = told["models"][f"markov-{order}"]["removal_effects"]
        assert {name: each["conversions"] for name, each in found.items()} == pytest.approx(
            {name: float(effect) for name, effect in lost(rows, order, 1).items()}, abs=1e-12
        )


def test_forty_channels_are_drawn_with_errors_and_the_other_game_is_exact(tmp_path: Path) -> None:
    chance = random.Random(4)
    names = [f"channel {number}" for number in range(40)]
    rows = [
        (tuple(chance.choices(names, k=chance.randint(1, 6))), chance.randint(0, 2), Decimal(0), 3) for _ in range(600)
    ]
    rows = [(path, n, Decimal(chance.randint(1, 10**8)) / MILLION * n, nulls) for path, n, _, nulls in rows]
    told = run(written(tmp_path, text(rows)))
    drawn, exact = told["models"]["shapley-markov"], told["models"]["shapley"]
    assert (drawn["method"], exact["method"]) == ("sampled", "exact") and drawn["orders"] >= 20
    assert all(each["value"] > 0 for each in drawn["standard_errors"].values())
    assert all(each["value"] == 0 for each in exact["standard_errors"].values())
    again = run(written(tmp_path, text(list(reversed(rows)))))
    assert again["models"] == told["models"], "the order of rows is of no matter, and the seed is fixed"


def test_many_decimals_and_exponents_are_read_as_they_stand(tmp_path: Path) -> None:
    said = ("1e3", "1E-6", "+2.50", ".5", "7.", "0.0000005", "0.0000015", "123456789012.34567850000000000000000000001")
    rows = [";".join(HEAD), *(f"c{place};1;{each};0" for place, each in enumerate(said))]
    told = run(written(tmp_path, "\n".join(rows)))
    credits = told["models"]["first"]["credits"]
    assert [credits[f"c{place}"]["value_micro"] for place in range(len(said))] == [
        *(10**9, 1, 2_500_000, 500_000, 7_000_000, 0, 2),
        123_456_789_012_345_679,
    ]
    assert told["values_rounded"] == 3


@pytest.mark.parametrize("column", [1, 2, 3])
@pytest.mark.parametrize(
    "said", ["-1", "", " ", "NA", "nan", "inf", "1_000", "1,5", "\u0661", "0x1", "1e", "9" * 30, "1e400", "--1"]
)
def test_numbers_that_are_none_are_refused_by_line_and_column(tmp_path: Path, column: int, said: str) -> None:
    cells = ["a > b", "1", "1", "1"]
    cells[column] = said
    told = refusal(written(tmp_path, text(EXAMPLE) + ";".join(cells) + "\n"))
    assert f"paths.csv, line 6: {HEAD[column]}" in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a;1;1\n", "line 2: total_null is missing"),
        ("a;1;1;1;1\n", "line 2: more cells than columns"),
        ("a > > b;1;1;1\n", "line 2: path has a channel of no"),
        (" > ;1;1;1\n", "line 2: path has a channel of no"),
        ("a;1.5;1;0\n", "line 2: total_conversions is not a whole number"),
        ("a;0;1;0\n", "line 2: total_conversion_value without any total_conversions"),
        ('"a;1;1;0\n', "not CSV"),
        ("", "no row"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refusal(written(tmp_path, ";".join(HEAD) + "\n" + content))


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"\x1f\x8b\x08", b"path\n", b"path;path;total_conversions\n"]
)
def test_files_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    assert "paths.csv" in refusal(written(tmp_path, content))


def test_a_large_file_takes_seconds(tmp_path: Path) -> None:
    chance, names = random.Random(1), [f"channel {number}" for number in range(25)]
    odds = [1 / (place + 1) for place in range(25)]
    lines = [";".join(HEAD)]
    for _ in range(25_000):
        path = " > ".join(chance.choices(names, odds, k=chance.randint(1, 8)))
        lines.append(f"{path};{chance.choice((0, 1, 2))};0;{chance.randint(0, 9)}")
    found = evaluate(written(tmp_path, "\n".join(lines)), Columns(), MODELS, Options(half_life=7))
    assert found.exact() and not found.refused and found.cpu_s < 25


def test_a_model_that_is_too_large_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.attribution.markov.MOST_STEPS", 3)
    file = str(written(tmp_path, text([(("a", "b") * 3, 1, Decimal(1), 0)])))
    done = CliRunner().invoke(bespoke, ["evaluate", "attribution", file, "--json"])
    told = json.loads(done.stdout)
    assert set(told["refused"]) == {"markov-2", "markov-3", "markov-4"} and "lower order" in told["refused"]["markov-2"]
    assert set(told["models"]) | set(told["refused"]) == set(MODELS)
    assert "lower order" in refusal(Path(file), "--models", "markov-4")


PATHS = st.lists(st.sampled_from("abcd"), max_size=5).map(tuple)
VALUES = st.decimals(0, 10**6, places=9)
ROWS = st.lists(st.tuples(PATHS, st.integers(0, 5), VALUES, st.integers(0, 5)), min_size=1, max_size=8)


def sold(rows: list[Row]) -> list[Row]:
    return [(path, n, value if n else Decimal(0), nulls) for path, n, value, nulls in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paths")


@given(ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_has_what_each_model_says_by_definition(folder: Path, rows: list[Row]) -> None:
    rows = sold(rows)
    told = run(written(folder, text(rows)))
    rounded = [(path, round(value * MILLION)) for path, _, value, _ in rows]
    assert told["total"]["value_micro"] == sum(value for _, value in rounded)
    for model, weigh in (("first", first), ("last", last), ("linear", linear)):
        by_hand = Counter[str]()
        for path, value in rounded:
            for channel, weight in weigh(path):
                by_hand[channel] += value * weight  # type: ignore[assignment]
        near(told["models"][model], by_hand)
    for order in (1, 2, 3):
        found = told["models"][f"markov-{order}"]["removal_effects"]
        by_removal = lost(rows, order, 1)
        assert {name: each["conversions"] for name, each in found.items()} == pytest.approx(
            {name: float(by_removal.get(name, 0)) for name in found}, abs=1e-9
        )
    near(told["models"]["shapley"], marginal(rounded))


def near(told: Any, by_hand: Any) -> None:
    """Cut to whole millionths, and each less than one from its fraction."""
    for channel, each in told["credits"].items():
        assert abs(each["value_micro"] - Fraction(by_hand.get(channel, 0))) < 1


def first(path: tuple[str, ...]) -> Iterator[tuple[str, Fraction]]:
    yield from ((channel, Fraction(1)) for channel in path[:1])


def last(path: tuple[str, ...]) -> Iterator[tuple[str, Fraction]]:
    yield from ((channel, Fraction(1)) for channel in path[-1:])


def linear(path: tuple[str, ...]) -> Iterator[tuple[str, Fraction]]:
    yield from ((channel, Fraction(1, len(path))) for channel in path)


def marginal(rows: list[tuple[tuple[str, ...], int]]) -> dict[str, Fraction]:
    """Gains averaged over all orders in which channels can join."""
    channels = sorted({channel for path, _ in rows for channel in path})
    orders = list(permutations(channels))
    found = dict.fromkeys(channels, Fraction())
    for order in orders:
        for place, channel in enumerate(order):
            with_it, without = (
                sum(value for path, value in rows if path and set(path) <= set(order[:end]))
                for end in (place + 1, place)
            )
            found[channel] += Fraction(with_it - without, len(orders))
    return found


def lost(rows: list[Row], order: int, column: int) -> dict[str, Fraction]:
    """Channel → the part of conversions that a chain of this order loses without it, in fractions."""
    whole = converted(rows, order, None)
    channels = sorted({channel for path, n, _, nulls in rows if n + nulls for channel in path})
    return {name: 1 - converted(rows, order, name) / whole if whole else Fraction() for name in channels}


def converted(rows: list[Row], order: int, removed: str | None) -> Fraction:
    """Conversions of one path that begins; equations are solved by elimination."""
    between, out, ends = Counter[tuple[Any, Any]](), Counter[Any](), Counter[Any]()
    for path, conversions, _, nulls in rows:
        if path and conversions + nulls:
            states = [(), *(path[max(0, end - order) : end] for end in range(1, len(path) + 1))]
            for pair in pairwise(states):
                between[pair] += conversions + nulls
            for state in states:
                out[state] += conversions + nulls
            ends[states[-1]] += conversions
    states = [state for state in sorted(out) if not state or state[-1] != removed]
    if () not in out:
        return Fraction()
    place = {state: at for at, state in enumerate(states)}
    rows_ = [[Fraction(int(a == b)) for b in states] + [Fraction(ends[a], out[a])] for a in states]
    for (a, b), times in between.items():
        if a in place and b in place:
            rows_[place[a]][place[b]] -= Fraction(times, out[a])
    for at in range(len(states)):
        pivot = next(row for row in range(at, len(states)) if rows_[row][at])
        rows_[at], rows_[pivot] = rows_[pivot], rows_[at]
        rows_[at] = [each / rows_[at][at] for each in rows_[at]]
        for row in range(len(states)):
            if row != at and rows_[row][at]:
                rows_[row] = [x - rows_[row][at] * y for x, y in zip(rows_[row], rows_[at], strict=True)]
    return rows_[place[()]][-1]
