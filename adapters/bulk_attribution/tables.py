"""Persons' ways from exported touches and sales, as tables: ``steps`` (a row a touch of a way) and ``ways``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from projections.attribution.channels import SHOWN
from projections.attribution.positional import DIRECT
from projections.attribution.rules import HOUR_MS, Rules

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TOUCHES, SALES, MANIFEST = "touches.parquet", "sales.parquet", "manifest.json"
_ORDER = "ORDER BY at_ms, tag, channel"
#: Codes of channels stand in the order of their names, so that sorting by either is the same.
_SOURCE = """
CREATE TEMP TABLE named AS
    SELECT (row_number() OVER (ORDER BY name) - 1)::UTINYINT AS code, name
    FROM (SELECT DISTINCT channel AS name FROM read_parquet($touches));
CREATE TEMP TABLE sale AS SELECT * FROM read_parquet($sales);
"""
_KEPT = """
CREATE TEMP TABLE kept AS
WITH rested AS (
    SELECT person, at_ms, tag, code AS channel, at_ms - lag(at_ms) OVER w > {session} AS fresh
    FROM read_parquet($touches) AS t JOIN named ON named.name = t.channel
    WHERE {shown}
    WINDOW w AS (PARTITION BY person ORDER BY at_ms, tag, code)
), visits AS (
    SELECT *, count(*) FILTER (fresh) OVER (PARTITION BY person {order} ROWS UNBOUNDED PRECEDING) AS visit FROM rested
), again AS (
    SELECT *, row_number() OVER (PARTITION BY person, visit {order}) AS place,
        row_number() OVER (PARTITION BY person, visit, channel {order}) AS met
    FROM visits
)
SELECT person, at_ms, tag, channel FROM again
WHERE met = 1 AND (place = 1 OR channel <> (SELECT coalesce(max(code), 255) FROM named WHERE name = $direct))
"""
#: Of two orders at one moment the first has the touches before.
_ONCE = """
CREATE TEMP TABLE met AS
SELECT t.*, CASE WHEN s.at_ms - t.at_ms <= {lookback} THEN s.number END AS number
FROM kept AS t ASOF LEFT JOIN (
    SELECT person, at_ms, min(number) AS number FROM sale WHERE person IS NOT NULL GROUP BY ALL
) AS s ON t.person = s.person AND t.at_ms <= s.at_ms
"""
_AGAIN = """
CREATE TEMP TABLE met AS
SELECT t.*, s.number FROM kept AS t LEFT JOIN sale AS s
    ON t.person = s.person AND s.at_ms BETWEEN t.at_ms AND t.at_ms + {lookback}
"""
_WAYS = """
CREATE TEMP TABLE gone AS
WITH rested AS (
    SELECT person, at_ms, tag, channel, at_ms - lag(at_ms) OVER (PARTITION BY person {order}) > {lookback} AS fresh
    FROM met WHERE number IS NULL
)
SELECT *, -1 - (person << 20)
    - count(*) FILTER (fresh) OVER (PARTITION BY person {order} ROWS UNBOUNDED PRECEDING) AS way
FROM rested;
CREATE TEMP TABLE ways AS
    SELECT s.number AS way, s.person, s.at_ms, s.currency, s.revenue_cents - s.refund_cents AS net,
        (net > 0)::BIGINT AS conversions
    FROM sale AS s WHERE s.person IS NOT NULL AND s.at_ms >= $from_ms AND s.at_ms < $to_ms
    UNION ALL BY NAME
    SELECT way, person, max(at_ms) AS at_ms, NULL AS currency, 0 AS net, 0 AS conversions
    FROM gone GROUP BY way, person HAVING max(at_ms) >= $from_ms AND max(at_ms) < $to_ms;
CREATE TEMP TABLE steps AS
WITH every AS (
    SELECT number AS way, at_ms, tag, channel FROM met WHERE number IS NOT NULL
    UNION ALL BY NAME SELECT way, at_ms, tag, channel FROM gone
)
SELECT e.way, e.channel, ways.currency, ways.net, ways.conversions, (ways.at_ms - e.at_ms) // {hour} AS age,
    row_number() OVER w AS place, count(*) OVER (PARTITION BY e.way) AS touches, {before}
FROM every AS e JOIN ways ON ways.way = e.way
WINDOW w AS (PARTITION BY e.way ORDER BY e.at_ms, e.tag, e.channel);
"""


def build(
    connection: "DuckDBPyConnection", folder: Path, rules: Rules, from_ms: int, to_ms: int, memory: int
) -> list[str]:
    """Makes the tables; the names of the channels by their codes. ``memory``: how many touches before the latest a step
    remembers (0 to 3). Raises duckdb.Error."""
    files: dict[str, str | int] = {"touches": str(folder / TOUCHES), "sales": str(folder / SALES)}
    session, lookback = rules.session_ms, rules.lookback_ms
    shown = "true" if rules.shown else f"t.channel <> '{SHOWN}'"
    remembered = (
        ", ".join(f"lag(e.channel, {n}) OVER w AS before_{n}" for n in range(1, memory + 1)) or "NULL AS nothing"
    )
    script: tuple[tuple[str, Mapping[str, str | int]], ...] = (
        (_SOURCE, files),
        (_KEPT.format(session=session, shown=shown, order=_ORDER), {"touches": files["touches"], "direct": DIRECT}),
        ((_ONCE if rules.once else _AGAIN).format(lookback=lookback), {}),
        (
            _WAYS.format(order=_ORDER, lookback=lookback, hour=HOUR_MS, before=remembered),
            {"from_ms": from_ms, "to_ms": to_ms},
        ),
    )
    for text, values in script:
        for statement in filter(str.strip, text.split(";")):
            connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
    return [str(name) for _, name in connection.execute("SELECT code, name FROM named ORDER BY code").fetchall()]
