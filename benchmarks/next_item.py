"""How well the next different item is predicted on the committed e-shop clicks: sessions begun before 25 June 2008 go
through the log, the later ones are predicted. The same as ``bespoke evaluate next-item`` on files of one's own."""

import csv
import json
import tempfile
from datetime import date
from pathlib import Path

from app import evaluate
from app.cli.output import bar
from app.demo import eshop
from app.settings import Settings
from benchmarks.where import where

CUT = date(2008, 6, 25)


def split(folder: Path) -> tuple[Path, Path]:
    """Writes the sessions by their first click's date: before ``CUT``, and from then on."""
    rows = list(eshop.csv_rows(eshop.DATA))
    begun: dict[int, date] = {}
    for row in rows:
        day = date(row.year, row.month, row.day)
        begun[row.session_id] = min(day, begun.get(row.session_id, day))
    before = _write(folder / "train.csv", [row for row in rows if begun[row.session_id] < CUT])
    return before, _write(folder / "test.csv", [row for row in rows if begun[row.session_id] >= CUT])


def _write(path: Path, rows: list[eshop.Row]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(eshop.Row._fields)
        writer.writerows(rows)
    return path


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        train, test = split(Path(folder))
        settings = Settings(var=Path(folder) / "var", postgres_url=None, redis_url=None)
        ranking = evaluate.next_item(settings, train, test, bar)
    figures = {
        "hr@20": round(ranking.hr_at_20, 4),
        "mrr@20": round(ranking.mrr_at_20, 4),
        "predictions": ranking.predictions,
    }
    print(json.dumps(figures | where()))


if __name__ == "__main__":
    main()
