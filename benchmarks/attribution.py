"""Attribution: all models on a file of 10,000 paths, and most of them on 10 M touches in bulk.

    python -m benchmarks.attribution                     # both; the bulk part needs DuckDB
    python -m benchmarks.attribution --touches 1000000   # smaller
    python -m benchmarks.attribution --paths FILE.csv    # a file of your own for the first part

Prints one JSON object: ``evaluate_10k_s`` (reading and all models, in this process), ``bulk_10m_s`` (from opening the
export to the report: first to Shapley, and Markov of order 1), ``credits_exact``.
"""

import argparse
import gzip
import json
import os
import random
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from adapters.bulk_attribution.report import opened, report
from adapters.bulk_attribution.tables import MANIFEST, SALES, TOUCHES
from adapters.datasets.paths import Columns
from app.evaluation.attribution import evaluate
from benchmarks.where import where
from projections.attribution.channels import CLICKED, EMAIL, ORGANIC, SHOWN, SOCIAL
from projections.attribution.models import MODELS, POSITIONAL, SHAPLEY, Options
from projections.attribution.positional import DIRECT
from projections.attribution.rules import DAY_MS
from queries.attribution_report import Asked

REAL = Path(__file__).parents[2] / "shared" / "data" / "attribution" / "ChannelAttribution_PathData.csv.gz"
CHANNELS = (
    "ads: google",
    "ads: meta",
    "ads: tiktok",
    EMAIL,
    "push",
    SOCIAL,
    ORGANIC,
    "referral",
    DIRECT,
    SHOWN,
    CLICKED,
    "store",
)
IN_BULK = (*POSITIONAL, "markov-1", SHAPLEY)
DAYS = 90
#: A person's touches, on average; of persons, one in so many orders.
TOUCHES_EACH, ONE_IN = 4, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--touches", type=int, default=10_000_000)
    parser.add_argument("--paths", type=Path, help="default: the real paths in ../shared, else made-up ones")
    parser.add_argument("--memory", default="", help="what DuckDB may use, as 4GB")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bespoke-attribution-") as folder:
        told = {**_file(given, Path(folder)), **_bulk(given, Path(folder))}
    exact = told.pop("file_exact") and told.pop("bulk_exact")
    print(json.dumps({**told, "credits_exact": exact, "seed": given.seed, "cores": os.cpu_count(), **where()}))


def _file(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    file = given.paths or (REAL if REAL.exists() else _made_up(folder / "paths.csv.gz", given.seed))
    found = evaluate(file, Columns(), MODELS, Options(7))
    return {
        "evaluate_10k_s": round(found.read_s + found.models_s, 3),
        "evaluate_10k_cpu_s": round(found.cpu_s, 3),
        "evaluate_each_s": {made.model: round(made.seconds, 4) for made in found.models},
        "evaluate_paths": found.rows,
        "file_exact": found.exact(),
    }


def _made_up(file: Path, seed: int) -> Path:
    chance = random.Random(seed)
    with gzip.open(file, "wt") as out:
        out.write("path;total_conversions;total_conversion_value;total_null\n")
        for _ in range(10_000):
            way = " > ".join(chance.choice(CHANNELS) for _ in range(1 + int(chance.expovariate(0.2))))
            out.write(f"{way};{chance.randrange(1, 5)};{chance.random() * 30:.3f};{chance.randrange(9)}\n")
    return file


def _bulk(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    export = folder / "export"
    export.mkdir()
    with opened(given.memory) as connection:
        _make(connection, export, given.touches, given.seed)
    asked = Asked(IN_BULK, 0, DAYS * DAY_MS)
    began, cpu = perf_counter(), process_time()
    with opened(given.memory) as connection:
        made = report(export, asked, connection)
    took, worked = perf_counter() - began, process_time() - cpu
    exact = all(
        each.money.credited + each.money.unattributed + each.money.erased == each.money.net
        and all(sum(channel.cents for channel in model.channels) == each.money.credited for model in each.models)
        for each in made.currencies
    )
    return {
        "bulk_10m_s": round(took, 1),
        "bulk_10m_cpu_s": round(worked, 1),
        "bulk_touches": given.touches,
        "bulk_orders": sum(each.money.orders for each in made.currencies),
        "bulk_models": list(IN_BULK),
        "bulk_exact": exact,
    }


def _make(connection: Any, export: Path, touches: int, seed: int) -> None:
    """Persons with a few touches each within 90 days, a fifth of whom order, twice at most."""
    persons = touches // TOUCHES_EACH
    names = ", ".join(f"'{name}'" for name in CHANNELS)
    connection.execute("SELECT setseed(?)", [1 / (seed + 1)])
    span = DAYS * DAY_MS
    connection.execute(
        f"COPY (SELECT (random() * {persons})::BIGINT AS person, (random() * {span})::BIGINT AS at_ms, "
        f"(random() * 4294967295)::BIGINT AS tag, list_extract([{names}], 1 + (random() * {len(CHANNELS)})::INT % "
        f"{len(CHANNELS)}) AS channel FROM range({touches})) TO '{export / TOUCHES}' (FORMAT parquet)"
    )
    sale = (
        "range AS number",
        f"(random() * {persons})::BIGINT AS person",
        f"(random() * {span})::BIGINT AS at_ms",
        "'EUR' AS currency",
        "500 + (random() * 20000)::BIGINT AS revenue_cents",
        "CASE WHEN random() < .1 THEN 500 ELSE 0 END AS refund_cents",
        "true AS known",
        "false AS erased",
    )
    every = f"SELECT {', '.join(sale)} FROM range({persons // ONE_IN})"
    connection.execute(f"COPY ({every}) TO '{export / SALES}' (FORMAT parquet)")
    (export / MANIFEST).write_text(json.dumps({"positions": [0]}))


if __name__ == "__main__":
    main()
