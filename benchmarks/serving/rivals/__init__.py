"""What others take for parts of the work: each in a virtual environment of its own, made when it is first asked for."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE_S = 900


class SkippedError(RuntimeError):
    """The rival does not install or start here; the text says why."""


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The Python of a virtual environment with these packages. Raises SkippedError."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=PATIENCE_S)
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements]
        subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise SkippedError(f"{requirements[0]} does not install: {type(error).__name__}") from error
    return python


def last_json(command: Sequence[str | Path], core: int) -> dict[str, Any]:
    """The last line of a command's output, pinned to a core. Raises SkippedError."""
    try:
        pinned = ["taskset", "-c", str(core), *command]
        done = subprocess.run(pinned, check=True, timeout=PATIENCE_S, capture_output=True, text=True)
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return answer
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        raise SkippedError(f"{command[1]} failed: {type(error).__name__}") from error


def feast(folder: Path, redis: str, people: int, core: int, reads: int = 2_000) -> dict[str, float]:
    """Median and 99th percentile of a read of Feast's online store, ms. Raises SkippedError."""
    python = environment(folder / "feast", ("feast[redis]",))
    return last_json([python, HERE / "feast_read.py", folder / "feast-project", redis, str(people), str(reads)], core)
