"""Where a training began is kept, for as long as that may be gone on from."""

from pathlib import Path

import numpy as np
import pytest

from app.training.begun import KEPT_MS, begin, forget
from app.training.work import Positions
from ml.checkpoints import Checkpoints

NOW = Positions(1, (100, 200), 30)
LATER = Positions(1, (150, 200), 31)


def at(ms: int) -> int:
    return ms * 1_000_000


def test_what_was_broken_off_goes_on_where_it_began(tmp_path: Path) -> None:
    assert begin(tmp_path, "run", NOW, lambda: at(1_000)) == NOW
    Checkpoints(tmp_path, "run-a").save({"step": np.array(1)})
    Checkpoints(tmp_path, "other-a").save({"step": np.array(1)})
    assert begin(tmp_path, "run", LATER, lambda: at(2_000)) == NOW
    assert Checkpoints(tmp_path, "run-a").load() is not None
    forget(tmp_path, "run")
    assert [path.name for path in tmp_path.iterdir()] == ["other-a.npz"]
    assert begin(tmp_path, "run", LATER, lambda: at(3_000)) == LATER


@pytest.mark.parametrize(
    ("now", "ms"),
    [
        (LATER, 1_000 + KEPT_MS),
        (LATER, 500),
        (Positions(2, (150, 200), 31), 2_000),
        (Positions(1, (50, 200), 31), 2_000),
        (Positions(1, (150, 200, 1), 31), 2_000),
    ],
)
def test_it_begins_anew_where_that_is_old_or_of_another_log(tmp_path: Path, now: Positions, ms: int) -> None:
    begin(tmp_path, "run", NOW, lambda: at(1_000))
    Checkpoints(tmp_path, "run-a").save({"step": np.array(1)})
    assert begin(tmp_path, "run", now, lambda: at(ms)) == now
    assert Checkpoints(tmp_path, "run-a").load() is None, "no state of other data is gone on from"


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    Checkpoints(tmp_path, "run-begun").save({"numbers": np.array([1])})
    assert begin(tmp_path, "run", NOW) == NOW
