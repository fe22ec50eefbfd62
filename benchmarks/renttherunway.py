"""Rentals of dresses as ratings by time: the file becomes RecBole's ``.inter``, with the items' categories beside it,
and ``bespoke evaluate next-item --format ratings --split temporal`` does the rest. Nothing is later in what is learnt
than in what is asked for; many persons of the latest part are new, and are asked about without any history."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.cli.output import errors
from app.evaluation.formats import Files
from app.evaluation.names import BLEND, SINGLE
from app.evaluation.run import next_item
from benchmarks.where import where

DATA = Path(__file__).parents[2] / "shared" / "data" / "renttherunway_fit" / "rtr_first80pct.parquet"
MODELS = (*SINGLE, BLEND)
HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def write(data: Path, folder: Path) -> tuple[Path, Path]:
    """``.inter`` and ``--attributes`` of the rentals that have a rating; time is that of the review, in seconds."""
    from pyarrow.parquet import read_table

    columns = ["user_id", "item_id", "rating", "review_date", "category"]
    rows: list[dict[str, Any]] = read_table(data, columns=columns).to_pylist()
    rows = [row for row in rows if row["rating"] is not None and row["review_date"] is not None]
    ratings, attributes = folder / "rentals.inter", folder / "categories.json"
    with ratings.open("w") as file:
        file.write(HEAD)
        for row in rows:
            at = row["review_date"].timestamp()
            file.write(f"{row['user_id']}\t{row['item_id']}\t{row['rating']:g}\t{at:.0f}\n")
    attributes.write_text(json.dumps({str(row["item_id"]): [row["category"]] for row in rows if row["category"]}))
    return ratings, attributes


def main() -> None:
    """A line for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", choices=MODELS, nargs="+", default=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="small models, few epochs, 2,000 predictions")
    asked = parser.parse_args()
    if not asked.data.exists():
        errors.print(f"There is nothing to measure on: {asked.data} has to be there.")
        raise SystemExit(1)
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        ratings, attributes = write(asked.data, Path(folder))
        files = Files("ratings", ratings, None, attributes, "temporal")
        for found in next_item(files, asked.model, asked.seed, asked.quick, _told):
            figures: dict[str, Any] = {"model": found.model, **{n: round(v, 4) for n, v in found.means.items()}}
            figures |= {"coverage": round(found.coverage, 4), "predictions": len(found.ranked.queries)}
            figures |= {"train_s": round(found.train_s, 1), "quick": asked.quick, "seed": asked.seed}
            print(json.dumps(figures | {"notes": dict(found.notes)} | where()), flush=True)


def _told(words: str) -> Callable[[float], None]:
    print(words, file=sys.stderr, flush=True)
    return lambda part: None


if __name__ == "__main__":
    main()
