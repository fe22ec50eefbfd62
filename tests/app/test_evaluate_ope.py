"""``bespoke evaluate ope`` as a user has it, on files of their own."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEADER = "timestamp,item_id,position,click,propensity_score,user_feature_0\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    chance = random.Random(3)
    rows = []
    for n in range(600):
        item = chance.choices((1, 2, 3), (0.5, 0.25, 0.25))[0]
        click = int(chance.random() < 0.1 * item)
        shown = {1: 0.5, 2: 0.25, 3: 0.25}[item]
        rows.append(f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z,{item},1,{click},{shown},{chance.choice('ab')}\n")
    (tmp_path / "log.csv").write_text(HEADER + "".join(rows))
    (tmp_path / "items.csv").write_text("item_id,item_feature_0\n1,x\n2,x\n3,y\n")
    return tmp_path / "log.csv", tmp_path / "items.csv"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "evaluate", "ope", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def answered(files: tuple[Path, Path], policy: str) -> Any:
    done = run("--log", files[0], "--context", files[1], "--policy", policy, "--draws", 200, "--json")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    return json.loads(done.stdout)


def test_one_json_object(files: tuple[Path, Path]) -> None:
    found = answered(files, "uniform")
    assert (found["policy"], found["rounds"], found["warning"]) == ("uniform", 600, None)
    for name in ("ipw", "snipw", "dm", "dr", "switch_dr", "logged"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
    assert found["ipw"]["low"] < 0.2 < found["ipw"]["high"]
    assert found == answered(files, "uniform")


def test_policies_that_learn_use_the_second_half_and_beat_what_was_logged(files: tuple[Path, Path]) -> None:
    found = answered(files, "thompson")
    assert found["rounds"] == 300
    assert found["dr"]["value"] > found["logged"]["value"]
    assert answered(files, "popular")["warning"].startswith("effective sample size")


def test_words_for_people(files: tuple[Path, Path]) -> None:
    done = run("--log", files[0], "--context", files[1], "--policy", "logged", "--draws", 100)
    assert done.returncode == 0 and "switch_dr" in done.stdout and "600 rounds" in done.stdout


def test_help_names_every_column() -> None:
    told = run("--help").stdout
    for word in (*HEADER.strip().split(",")[:5], "user_feature_", "user-item_affinity_", "item_feature_", "thompson"):
        assert word in told


def test_what_is_wrong_is_one_line(files: tuple[Path, Path]) -> None:
    files[0].write_text(files[0].read_text() + "2026-01-01,9,1,0,0.5,a\n")
    done = run("--log", files[0], "--context", files[1], "--policy", "uniform", "--json")
    assert (done.returncode, done.stdout) == (1, "") and "Traceback" not in done.stderr
    assert "bespoke: log.csv, line 602: item_id is not in the context file" in done.stderr
