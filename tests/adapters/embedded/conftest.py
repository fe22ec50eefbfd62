import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded import EmbeddedServers
from adapters.embedded.process import wait_until

REPO = Path(__file__).parents[3]


class Holder:
    """Another process on the same servers."""

    def __init__(self, var: Path, where: str = "main", user: str = "-") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", Path(__file__).with_name("holder.py"), var, where, user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            start_new_session=True,
        )

    def says(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def stop(self) -> str:
        return self.process.communicate("stop\n", timeout=60)[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose path has a space. Whatever a test leaves running on it is stopped."""
    folder = tmp_path / "my shop" / "var"
    yield folder
    if (folder / "postgres" / "PG_VERSION").exists():
        EmbeddedServers(folder).__enter__().stop()


@pytest.fixture
def hold(var: Path) -> Iterator[Callable[..., Holder]]:
    holders: list[Holder] = []

    def start(folder: Path = var, where: str = "main", user: str = "-") -> Holder:
        holders.append(Holder(folder, where, user))
        return holders[-1]

    yield start
    for holder in holders:
        holder.close()


@pytest.fixture
def gone() -> Callable[[int | None], bool]:
    """Whether a process has ended; one that is ending gets its time."""
    return lambda pid: pid is not None and wait_until(lambda: not _lives(pid), 30)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
