"""A report from exported files."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from adapters.bulk_attribution.counts import Counts
from adapters.bulk_attribution.tables import MANIFEST, SALES, build
from projections.attribution.models import GAME, MODELS, ORDERS
from projections.attribution.period import Money
from projections.attribution.rules import DAY_MS
from queries.attribution_report import (
    DELAYS,
    FEWEST,
    MOST_WAYS,
    Asked,
    AttributionReport,
    CurrencyReport,
    Ended,
    Way,
    assembled,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MONEY = """
WITH touched AS (SELECT DISTINCT way FROM steps WHERE currency = $currency),
ours AS (
    SELECT sale.*, revenue_cents - refund_cents AS net, way IS NOT NULL AS met,
        known AND NOT erased AND way IS NULL AS bare
    FROM sale LEFT JOIN touched ON way = number
    WHERE currency = $currency AND at_ms >= $from_ms AND at_ms < $to_ms
)
SELECT count(*) FILTER (known), sum(revenue_cents), sum(refund_cents), sum(refund_cents) FILTER (NOT known),
    sum(net) FILTER (bare OR NOT known AND NOT erased), count(*) FILTER (bare), sum(net) FILTER (erased),
    count(*) FILTER (erased AND known), sum(net) FILTER (met)
FROM ours
"""
_ENDED = """
SELECT count(*) FILTER (currency IS NOT NULL), count(*) FILTER (currency IS NULL) FROM steps
WHERE place = 1 AND (currency = $currency OR currency IS NULL)
"""
_COMMON = """
SELECT channels, count(DISTINCT person), count(*), sum(net) FROM (
    SELECT way, list(channel ORDER BY place) AS channels FROM steps
    WHERE currency = $currency GROUP BY way
) JOIN ways USING (way) GROUP BY channels HAVING count(DISTINCT person) >= $fewest
"""
_DELAYS = """
SELECT day, count(*), count(DISTINCT person) FROM (
    SELECT list_min(list_filter($days, lambda d: ways.at_ms - first_ms <= d::BIGINT * $day_ms)) AS day, person
    FROM (SELECT number AS way, min(at_ms) AS first_ms FROM met WHERE number IS NOT NULL GROUP BY number)
    JOIN ways USING (way) WHERE currency = $currency
) GROUP BY day
"""


class MissingPackageError(Exception):
    """DuckDB is not installed."""

    def __init__(self) -> None:
        super().__init__("this needs DuckDB: pip install 'bespoke[attribution]'")


class ExportError(Exception):
    """There is no export in that folder, or it is damaged."""


@contextmanager
def opened(memory: str = "", threads: int = 0) -> Iterator["DuckDBPyConnection"]:
    """DuckDB in memory, which spills to a temporary folder. Raises MissingPackageError."""
    try:
        import duckdb
    except ImportError:
        raise MissingPackageError from None
    spill = str(Path(gettempdir()) / f"bespoke-duckdb-{os.getpid()}")
    settings: dict[str, Any] = {"preserve_insertion_order": False, "temp_directory": spill}
    if memory:
        settings["memory_limit"] = memory
    if threads:
        settings["threads"] = threads
    connection = duckdb.connect(config=settings)
    try:
        yield connection
    except duckdb.Error as error:
        raise ExportError(f"DuckDB could not read the export: {str(error).splitlines()[0][:200]}") from None
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def report(folder: Path, asked: Asked, connection: "DuckDBPyConnection") -> AttributionReport:
    """Raises ValueError for an unknown model and an empty period, ExportError."""
    if unknown := [model for model in asked.models if model not in MODELS]:
        raise ValueError(f"there is no model {unknown[0]}; there are {', '.join(MODELS)}")
    if asked.from_ms >= asked.to_ms:
        raise ValueError("the period is empty: --from must be before --to")
    try:
        positions: Sequence[int] = json.loads((folder / MANIFEST).read_text())["positions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportError("there is no export of attribution in that folder, or it is damaged") from error
    memory = max((ORDERS.get(model, int(model == GAME)) for model in asked.models), default=0)
    names = build(connection, folder, asked.rules, asked.from_ms, asked.to_ms, memory)
    rows = connection.execute(
        "SELECT DISTINCT currency FROM read_parquet($sales) WHERE at_ms >= $from_ms AND at_ms < $to_ms",
        {"sales": str(folder / SALES), "from_ms": asked.from_ms, "to_ms": asked.to_ms},
    ).fetchall()
    every = tuple(_currency(connection, str(row[0]), names, asked, memory) for row in sorted(rows))
    return AttributionReport(asked, tuple(positions), every)


def _currency(
    connection: "DuckDBPyConnection", currency: str, names: Sequence[str], asked: Asked, memory: int
) -> CurrencyReport:
    counts = Counts(connection, names, currency, asked.rules, memory)
    made = [counts.credit(model) for model in asked.models]
    ours = {"currency": currency}
    period = {"from_ms": asked.from_ms, "to_ms": asked.to_ms}
    (row,) = connection.execute(_MONEY, ours | period).fetchall()
    (ended,) = connection.execute(_ENDED, ours).fetchall()
    ways = connection.execute(_COMMON, ours | {"fewest": FEWEST}).fetchall()
    told = [Way(tuple(names[code] for code in codes), int(who), int(n), int(net)) for codes, who, n, net in ways]
    told.sort(key=lambda way: (-way.orders, way.channels))
    waited = connection.execute(_DELAYS, ours | {"days": list(DELAYS), "day_ms": DAY_MS}).fetchall()
    by_days = {day: (int(orders), int(persons)) for day, orders, persons in waited}
    delays = [(day, *by_days.get(day, (0, 0))) for day in (*DELAYS, None)]
    money = Money(*(int(each or 0) for each in row))
    return assembled(currency, money, made, Ended(*map(int, ended)), told[:MOST_WAYS], delays)
