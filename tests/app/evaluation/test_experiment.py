"""``bespoke evaluate experiment`` on files of users."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import bespoke


def run(*arguments: object) -> Result:
    return CliRunner().invoke(bespoke, ["evaluate", "experiment", *map(str, arguments)])


def answered(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.stderr
    return json.loads(done.stdout)


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (1, "") and isinstance(done.exception, SystemExit)
    return done.stderr.strip()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    chance = random.Random(3)
    path = tmp_path / "test.csv"
    with path.open("w", newline="") as out:
        rows = csv.writer(out, delimiter=";")
        rows.writerow(["group", "bought", "spend", "orders", "before", "device", "day"])
        for n in range(3000):
            on = n % 2
            before = chance.gauss(50, 20)
            bought = int(chance.random() < 0.1 + 0.06 * on)
            spend = round(max(before + chance.gauss(5 * on, 5), 0), 2)
            rows.writerow([("control", "new")[on], bought, spend, 1 + n % 3, before, "pw"[n % 4 > 1], n // 500])
    return path


def test_the_published_figures_of_real_mailings(shared: Path) -> None:
    path = shared / "data/ab_tests/hillstrom_email_64000.csv.gz"
    found = answered(path, "--arm", "segment", "--metrics", "visit,conversion,spend", "--control", "No E-Mail")
    shown = {(each["metric"], each["arm"][0]): round(each["statistic"], 2) for each in found["results"]}
    assert (shown["visit", "M"], shown["visit", "W"]) == (22.49, 13.95)
    assert (shown["conversion", "M"], shown["conversion", "W"]) == (7.39, 3.78)
    assert (shown["spend", "M"], shown["spend", "W"]) == (5.30, 3.26)
    assert [each["test"] for each in found["results"]] == ["z", "z", "z", "z", "t", "t"]
    assert not found["blocked"] and found["arms"]["No E-Mail"] == 21_306


def test_all_options_together(file: Path) -> None:
    found = answered(
        *(file, "--arm", "group", "--metrics", "bought,spend", "--covariate", "before", "--segment", "device"),
        *("--ratio", "spend/orders", "--cap", 99, "--step", "day", "--prior-sd", 0.3, "--shares", "control=1,new=1"),
    )
    bought, spend, ratio = found["results"]
    assert found["control"] == "control" and found["verdict"].startswith("new is better than control in bought")
    assert (bought["kind"], spend["kind"], ratio["kind"]) == ("proportion", "mean", "ratio")
    assert spend["cuped"]["variance_left"] < 0.15 and spend["capped_at"] < 110 and bought["capped_at"] is None
    assert spend["t"] > spend["cuped"]["statistic_without"]
    assert spend["sequential"]["absolute"]["low"] < spend["absolute"]["low"]
    assert spend["bayesian"]["low"] < spend["bayesian"]["mean"] < spend["bayesian"]["high"]
    assert [len(each["looks"]) for each in found["paths"]] == [6, 6]
    assert set(found["segments"]["results"]) == {"p", "w"} and "chance" in found["segments"]["warning"]


def test_words_for_people(file: Path) -> None:
    told = run(file, "--arm", "group", "--metrics", "bought,spend", "--segment", "device").stdout
    assert told.startswith("Verdict: new is better") and "chi-square p = 1" in told and "Warning: segments" in told


def test_arms_of_the_wrong_size_have_no_verdict(file: Path) -> None:
    found = answered(file, "--arm", "group", "--metrics", "bought", "--shares", "control=2,new=1")
    assert found["blocked"] and found["verdict"].startswith("no verdict")


def test_parquet_is_the_same(file: Path, tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    with file.open() as opened:
        rows = list(csv.DictReader(opened, delimiter=";"))
    columns = {"group": [r["group"] for r in rows], "bought": [r["bought"] == "1" for r in rows]}
    parquet.write_table(pa.table(columns), tmp_path / "test.parquet")
    asked = ("--arm", "group", "--metrics", "bought")
    assert answered(tmp_path / "test.parquet", *asked) == answered(file, *asked)


def aggregate(file: Path, to: Path, cumulative: bool) -> Path:
    """The same units, counted a day."""
    with file.open() as opened:
        rows = list(csv.DictReader(opened, delimiter=";"))
    lines = ["arm,metric,step,count,mean,variance"]
    for metric in ("bought", "spend"):
        for day in range(6):
            for arm in ("control", "new"):
                mine = [r for r in rows if r["group"] == arm]
                seen = [
                    float(r[metric]) for r in mine if (int(r["day"]) <= day if cumulative else int(r["day"]) == day)
                ]
                mean = sum(seen) / len(seen)
                variance = sum((each - mean) ** 2 for each in seen) / (len(seen) - 1)
                lines.append(f"{arm},{metric},{day},{len(seen)},{mean!r},{variance!r}")
    to.write_text("\n".join(lines) + "\n")
    return to


@pytest.mark.parametrize("cumulative", [False, True])
def test_counted_rows_say_the_same_as_units(file: Path, tmp_path: Path, cumulative: bool) -> None:
    counted = aggregate(file, tmp_path / "counted.csv", cumulative)
    told = answered(counted, "--arm", "arm", "--metrics", "bought,spend", *(["--cumulative"] if cumulative else []))
    units = answered(file, "--arm", "group", "--metrics", "bought,spend", "--step", "day")
    assert told["arms"] == units["arms"] and told["warnings"] == []
    for ours, theirs in zip(told["results"], units["results"], strict=True):
        assert ours["kind"] == theirs["kind"]
        assert ours["statistic"] == pytest.approx(theirs["statistic"], rel=1e-9)
        assert ours["sequential"]["absolute"] == pytest.approx(theirs["sequential"]["absolute"], rel=1e-9)
    for path, other in zip(told["paths"], units["paths"], strict=True):
        assert (path["decided"], len(path["looks"])) == (other["decided"], len(other["looks"]))


def test_rows_that_look_cumulative_are_warned_of(file: Path, tmp_path: Path) -> None:
    counted = aggregate(file, tmp_path / "counted.csv", cumulative=True)
    assert "--cumulative" in answered(counted, "--arm", "arm", "--metrics", "spend")["warnings"][0]


@pytest.mark.parametrize(
    ("line", "asked", "told"),
    [
        ("control;x;1;1;1;p;0", "bought", "line 3002: bought is not a number"),
        ("control;;1;1;1;p;0", "bought", "line 3002: bought is empty; write 0"),
        ("control;1;nan;1;1;p;0", "spend", "line 3002: spend is not a number"),
        ("control;1;1;1;1;p;0;9", "spend", "line 3002: more cells than columns"),
        (";1;1;1;1;p;0", "spend", "group: empty in some row"),
        ("control;1;1;1;1;p;0", "secret", "no column secret"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(file: Path, line: str, asked: str, told: str) -> None:
    file.write_text(file.read_text() + line + "\n")
    assert told in refused(file, "--arm", "group", "--metrics", asked)


def test_questions_that_cannot_be_answered(file: Path) -> None:
    asked = ("--arm", "group", "--metrics", "bought")
    assert "--control: there is no arm" in refused(file, *asked, "--control", "old")
    assert "say --control NAME" in refused(file, "--arm", "device", "--metrics", "bought")
    assert "--shares: write it as" in refused(file, *asked, "--shares", "new=x")
    assert "more than 1,000 different" in refused(file, "--arm", "spend", "--metrics", "bought")
    assert "--ratio: write it as NUM/DEN" in refused(file, *asked, "--ratio", "spend")


def test_help_is_enough() -> None:
    told = run("--help").stdout
    for word in ("arm", "metric", "step", "count", "mean", "variance", "CUPED", "Welch", "Example", "--cumulative"):
        assert word in told
