"""kill -9 between any two lines, two writers at once, a disk that takes no more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ml.artefacts import digests, open_

ROOT = Path(__file__).parents[3]
MEMORY = Path("/dev/shm")
#: Of a disk's errors the kernel gives this one without a full disk: the file may not grow.
FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from ml.artefacts import ArtefactError, Draft, Registry, write
from ml.checkpoints import Checkpoints

folder = Path(sys.argv[1])
old = write(folder, Draft("next-item", arrays={"w": np.zeros(10)}))
Registry(folder).promote(old.digest)
Checkpoints(folder, "run").save({"w": np.zeros(10)})
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for change in (
    lambda: write(folder, Draft("next-item", arrays={"a": np.zeros(10), "w": np.ones(100_000)})),
    lambda: Checkpoints(folder, "run").save({"w": np.ones(100_000)}),
):
    try:
        change()
        raise SystemExit("it was taken")
    except (ArtefactError, OSError) as error:
        print(type(error).__name__, error)
assert Registry(folder).in_use("next-item") == old.digest
assert Checkpoints(folder, "run").load()["w"].tolist() == [0] * 10
"""
WRITER = """
import sys
from pathlib import Path
import numpy as np
from ml.artefacts import Draft, Registry, write

for number in range(20):
    arrays = {"w": np.full(20_000, number, np.float32)}
    artefact = write(Path(sys.argv[1]), Draft("next-item", arrays=arrays))
    Registry(Path(sys.argv[1])).promote(artefact.digest)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of small files are written."""
    with TemporaryDirectory(prefix="bespoke-tests-", dir=MEMORY if MEMORY.is_dir() else None) as made:
        yield Path(made)


def python(*arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, text=True, **pipes)


@pytest.mark.parametrize(("what", "lines", "times"), [("models", 4, 150), ("checkpoints", 1, 15)])
def test_what_is_on_disk_is_fit_for_use_wherever_it_is_killed(folder: Path, what: str, lines: int, times: int) -> None:
    done = python("-m", "tests.ml.artefacts.killing", what, str(folder), str(lines))
    out, err = done.communicate(timeout=120)
    assert done.returncode == 0, err
    assert int(out) >= times


def test_two_writers_of_the_same_at_once(folder: Path) -> None:
    writers = [python("-c", WRITER, str(folder)) for _ in range(2)]
    for writer in writers:
        _, err = writer.communicate(timeout=60)
        assert writer.returncode == 0, err
    assert len(digests(folder)) == 20
    for digest in digests(folder):
        open_(folder, digest).verify()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_what_the_disk_does_not_take_leaves_all_as_it_was(folder: Path) -> None:
    writer = python("-c", FULL, str(folder))
    out, err = writer.communicate(timeout=60)
    assert writer.returncode == 0, err
    artefact, checkpoint = out.splitlines()
    assert artefact == "ArtefactError the artefact cannot be written: File too large"
    assert checkpoint.startswith("OSError")
    assert len(digests(folder)) == 1
    assert sorted(path.name[:8] for path in folder.iterdir()) == sorted([digests(folder)[0][:8], "in-use", "run.npz"])
