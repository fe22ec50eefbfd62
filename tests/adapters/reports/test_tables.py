"""Reports as tables: the same figures as JSON has."""

import csv
import io

import pytest

from adapters.reports.tables import COLUMNS, TYPES, experiment_rows, to_csv, to_parquet
from tests.adapters.reports.simulated import drawn

PLAIN = drawn().report


def test_every_figure_is_in_a_row() -> None:
    rows = experiment_rows(PLAIN)
    metrics = [row for row in rows if row["part"] == "metric"]
    assert [(row["metric"], row["value"]) for row in metrics] == [
        (each["metric"], each["treatment"]["mean"]) for each in PLAIN["results"]
    ]
    assert sum(row["part"] == "look" for row in rows) == sum(len(path["looks"]) for path in PLAIN["paths"])
    assert {row["segment"] for row in rows if row["by"] == "channel"} == {"web", "app"}
    assert {row["arm"]: row["arm_n"] for row in rows if row["part"] == "arm"} == PLAIN["arms"]
    assert all(tuple(row) == COLUMNS for row in rows)
    places = {(row["arm"], row["metric"]): row for row in rows if row["part"] == "bandit"}
    assert len(places) == 6 and {arm for arm, _ in places} == {"control", "bold"}
    (bold,) = [each for each in PLAIN["bandit"]["arms"] if each["arm"] == "bold"]
    snipw = places["bold", "snipw"]
    assert (snipw["value"], snipw["value_low"], snipw["change"]) == (
        bold["snipw"]["value"],
        bold["snipw"]["low"],
        bold["difference"]["value"],
    )
    assert snipw["effective"] == bold["effective"] and places["bold", "as_chosen"]["value"] == bold["shown"]


def test_csv_reads_back_and_runs_nothing() -> None:
    rows = experiment_rows(PLAIN)
    evil = [
        dict.fromkeys(COLUMNS) | {"part": "arm", "arm": text} for text in ("=1+1", "+1", "-1", "@x", "\tx", "a,b\n")
    ]
    read = list(csv.DictReader(io.StringIO(to_csv([*rows, *evil]).decode())))
    assert len(read) == len(rows) + len(evil)
    assert float(read[2]["value"]) == rows[2]["value"]
    assert [row["arm"] for row in read[-6:]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "a,b\n"]


def test_parquet_has_types_and_the_same_figures() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(to_parquet(experiment_rows(PLAIN))))
    assert table.column_names == list(TYPES) and set(TYPES) == set(COLUMNS)
    assert str(table.schema.field("value").type) == "double" and str(table.schema.field("arm_n").type) == "int64"
    assert table.to_pylist() == [{name: row[name] for name in TYPES} for row in experiment_rows(PLAIN)]
