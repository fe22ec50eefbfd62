"""The rooms' import directions hold, and the check would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
ROOMS = ("domain", "readmodels", "commands", "projections", "ml", "queries", "adapters", "app")


def lint_imports(repo: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=repo,
        env={"PYTHONPATH": str(repo), "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(REPO / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(REPO / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_rooms_import_only_what_stands_to_their_left() -> None:
    done = lint_imports(REPO)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("room", "breach"),
    [
        ("domain", "import readmodels"),
        ("readmodels", "import projections"),
        ("commands", "import projections"),
        ("projections", "import commands"),
        ("ml", "import commands"),
        ("queries", "import adapters"),
        ("adapters", "import app"),
        ("ml", "import redis"),
    ],
)
def test_a_planted_breach_is_found(copy: Path, room: str, breach: str) -> None:
    (copy / room / "planted.py").write_text(f"{breach}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{room}.planted -> {breach.removeprefix('import ')}" in done.stdout
