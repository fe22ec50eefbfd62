"""``bespoke evaluate uplift`` and ``ltv`` on files of users."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import bespoke


def run(*arguments: object) -> Result:
    return CliRunner().invoke(bespoke, ["evaluate", *map(str, arguments)])


def answered(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.stderr
    return json.loads(done.stdout)


def test_who_responds_is_found_where_somebody_does(tmp_path: Path) -> None:
    chance = random.Random(5)
    lines = ["arm,bought,young,town"]
    for n in range(6000):
        on, young = n % 2, chance.random() < 0.5
        town = chance.choice(["north", "south"])
        bought = chance.random() < 0.1 + 0.2 * (on and young)
        lines.append(f"{('none', 'mail')[on]},{int(bought)},{int(young)},{town}")
    file = tmp_path / "mail.csv"
    file.write_text("\n".join(lines) + "\n")
    asked = ("uplift", file, "--arm", "arm", "--metric", "bought")
    found = answered(*asked, "--features", "young,town", "--draws", 200)
    assert found["exploratory"] and "Exploratory" in found["note"]
    for each in found["results"]:
        assert each["qini"]["shown"] and each["qini"]["low"] < each["qini"]["coefficient"] < each["qini"]["high"]
        assert each["groups"][0]["measured"] > 0.15 > 0.06 > each["groups"][-1]["measured"]
        assert len(each["qini"]["curve"]) == 21 and each["effect"] == pytest.approx(0.1, abs=0.03)
    nobody = answered(*asked, "--features", "town", "--draws", 200, "--learner", "t")
    assert not nobody["results"][0]["qini"]["shown"]
    refused = run(*asked, "--features", "bought")
    assert refused.exit_code == 1 and "neither the arm nor the metric" in refused.stderr
    assert "ranks better than chance" in run(*asked, "--features", "young", "--draws", 100).stdout


def test_the_published_parameters_of_real_customers(shared: Path, tmp_path: Path) -> None:
    found = answered("ltv", shared / "data/cdnow/cdnow_customers_summary.csv.gz")
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {name: found["bg_nbd"][name] for name in published} == pytest.approx(published, abs=1e-3)
    assert found["customers"] == 2357 and found["value"] is None


def test_purchases_make_value_and_are_checked_on_what_came_later(shared: Path) -> None:
    asked = ("ltv", shared / "data/cdnow/CDNOW_master.txt.gz", "--until", "1997-09-30", "--ahead", 39)
    found = answered(*asked)
    assert found["customers"] == 23_570 and found["gamma_gamma"]["p"] > 1 and found["value"] > 0
    assert found["later"]["expected"] == pytest.approx(found["later"]["counted"], rel=0.2)
    assert answered(*asked, "--discount", 0.2)["value"] < found["value"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("who,when\n1,2020-01-01\n", "needs the columns frequency, recency and T"),
        ("id,date\n1,yesterday\n", "date is not an ISO date"),
        ("frequency,recency,T\n1,5,4\n", "customer 1: frequency is a whole number"),
        ("frequency,recency,T\n0,0,4\n0,0,5\n", "nobody bought a second time"),
        ("frequency,recency,T\n1,x,4\n", "line 2: recency is not a number"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(text)
    done = run("ltv", file)
    assert done.exit_code == 1 and told in done.stderr and isinstance(done.exception, SystemExit)
