"""``bespoke experiment power``."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import bespoke


def run(*arguments: object) -> Result:
    return CliRunner().invoke(bespoke, ["experiment", "power", *map(str, arguments)])


def answered(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_known_sample_size() -> None:
    """10 % against 12 % at alpha .05 and power .8: 3,839 each (Fleiss, without his correction: 3,838.2)."""
    found = answered("--rate", 0.1, "--effect", 0.2, "--daily", 1000)
    assert found["control"] == pytest.approx(3839, abs=4) and found["days"] == 8
    back = answered("--rate", 0.1, "--daily", 1000, "--days", 8)
    assert back["effect"] == pytest.approx(0.2, abs=0.01)


def test_words_for_people() -> None:
    assert "To see +5.00%" in run("--mean", 42, "--sd", 80, "--effect", 0.05, "--sequential").stdout
    assert "show an increase of" in run("--rate", 0.03, "--units", 100_000).stdout


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--rate", 0.1), "give --effect, or --units"),
        (("--rate", 0.1, "--mean", 3, "--effect", 0.1), "give --rate, or --mean and --sd"),
        (("--rate", 0.6, "--effect", 0.9), "would not lie between 0 and 1"),
        (("--mean", 0, "--sd", 1, "--effect", 0.1), "a mean other than 0"),
    ],
)
def test_what_cannot_be_planned(asked: tuple[object, ...], told: str) -> None:
    done = run(*asked)
    assert done.exit_code == 1 and told in " ".join(done.stderr.split())
