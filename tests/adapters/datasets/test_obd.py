"""Files in the Open Bandit Dataset's columns: read as they are, refused by file, line and column."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adapters.datasets import obd

LOG = """,timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_7,user-item_affinity_3
0,2019-11-24 00:00:17.004101+00:00,7,2,0,0.5,x,0.25,0.5
1,2019-11-24T00:00:01Z,3,1,1,0.125,y,0.0,1.0
2,2019-11-24 00:00:30,7,3,0,1,x,0.0,0.0
"""
CONTEXT = """,item_id,item_feature_0,item_feature_1
0,7,-0.5,67503f47
1,3,1.5,1e9
"""


def written(folder: Path, log: str = LOG, context: str = CONTEXT) -> tuple[Path, Path]:
    (folder / "log.csv").write_text(log)
    (folder / "items.csv").write_text(context)
    return folder / "log.csv", folder / "items.csv"


def test_rounds_come_in_the_order_of_time_and_items_in_that_of_their_ids(tmp_path: Path) -> None:
    read: list[int] = []
    log = obd.read(*written(tmp_path), read.append)
    assert log.arms.tolist() == [0, 1, 1] and log.places.tolist() == [0, 1, 2] and log.positions == 3
    assert log.rewards.tolist() == [1, 0, 0] and log.propensities.tolist() == [0.125, 0.5, 1]
    assert log.users.sizes == (2,) and log.users.codes[:, 0].tolist() == [1, 0, 0]
    assert log.affinity is not None and log.affinity.tolist() == [[1.0, 0.0], [0.5, 0.25], [0.0, 0.0]]
    assert log.items.numbers.tolist() == [[1.5], [-0.5]] and log.items.kinds.sizes == (2,)
    assert sum(read) == 3


def test_gzip_and_logs_without_what_is_optional(tmp_path: Path) -> None:
    bare = "timestamp,item_id,position,click,propensity_score\n2020-01-01,7,1,0,0.5\n"
    _, items = written(tmp_path, context="item_id\n7\n")
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress(bare.encode()))
    log = obd.read(packed, items)
    assert len(log) == 1 and log.affinity is None and log.users.codes.shape == (1, 0)
    assert log.items.numbers.shape == (1, 0) and np.isfinite(log.propensities).all()
    for broken in (packed.read_bytes()[:-9], bare.encode()):
        packed.write_bytes(broken)
        with pytest.raises(ValueError, match="not a whole gzip file"):
            obd.read(packed, items)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",0.125,", ",0,", "log.csv, line 3: propensity_score"),
        (",0.125,", ",1.01,", "log.csv, line 3: propensity_score"),
        (",0.125,", ",nan,", "log.csv, line 3: propensity_score"),
        (",0.125,", ",-1,", "log.csv, line 3: propensity_score"),
        ("3,1,1,", "3,1,2,", "log.csv, line 3: click"),
        ("3,1,1,", "3,0,1,", "log.csv, line 3: position"),
        ("3,1,1,", "3,101,1,", "log.csv, line 3: position"),
        ("3,1,1,", "4,1,1,", "log.csv, line 3: item_id is not in the context file"),
        ("3,1,1,", "x,1,1,", "log.csv, line 3: item_id"),
        ("3,1,1,", "٣,1,1,", "log.csv, line 3: item_id"),
        ("2019-11-24T00:00:01Z", "yesterday", "log.csv, line 3: timestamp"),
        (",y,", f",{'y' * 201},", "log.csv, line 3: user_feature_0"),
        (",0.0,1.0", ",0.0,inf", "log.csv, line 3: user-item_affinity_3"),
        (",0.0,1.0", ",0.0", "log.csv, line 3: user-item_affinity_3 is missing"),
        (",0.0,1.0", ",0.0,1.0,5", "log.csv, line 3: more cells than columns"),
        (",y,", ',"y,', "not CSV"),
        ("user-item_affinity_3", "user-item_affinity_4", "log.csv: no column user-item_affinity_3"),
        ("propensity_score", "pscore", "log.csv: no column propensity_score"),
        ("user_feature_0", "click", "log.csv: more than one column click"),
    ],
)
def test_logs_that_cannot_be_are_refused_without_their_values(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        obd.read(*written(tmp_path, log=LOG.replace(old, new, 1)))
    assert said in str(refused.value)
    assert "yesterday" not in str(refused.value) and "yyy" not in str(refused.value)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("item_id\n", "items.csv: no item"),
        ("id\n7\n", "items.csv: no column item_id"),
        ("item_id\n7\n7\n", "items.csv, line 3: item_id is there twice"),
        ("item_id\n-7\n", "items.csv, line 2: item_id"),
        (
            "item_id," + ",".join(f"item_feature_{n}" for n in range(65)) + "\n7" + ",1" * 65 + "\n",
            "items.csv: more than 64",
        ),
    ],
)
def test_items_that_cannot_be(tmp_path: Path, context: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        obd.read(*written(tmp_path, context=context))


def test_bounds_of_bytes_lines_and_values(tmp_path: Path) -> None:
    log, items = written(tmp_path)
    log.write_bytes(LOG.encode() + b"\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        obd.read(log, items)
    log.write_text("x" * 1_000_001)
    with pytest.raises(ValueError, match="line 1: longer"):
        obd.read(log, items)
    rows = "".join(f"2020-01-01,7,1,0,1,v{n}\n" for n in range(1_001))
    log.write_text(f"timestamp,item_id,position,click,propensity_score,user_feature_0\n{rows}")
    with pytest.raises(ValueError, match="line 1002: user_feature_0 has more than"):
        obd.read(log, items)
    log.write_text("timestamp,item_id,position,click,propensity_score\n")
    with pytest.raises(ValueError, match="no row"):
        obd.read(log, items)
