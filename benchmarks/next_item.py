"""How well the next different item is predicted on the committed e-shop clicks: sessions begun before 25 June 2008 are
learnt from, the later ones are predicted. The same as ``bespoke evaluate next-item`` on files of one's own."""

import csv
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

from app.demo import eshop
from app.evaluation.formats import Files
from app.evaluation.names import BLEND
from app.evaluation.run import next_item
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
        found = next_item(Files("eshop", train, test), [BLEND], 0, False, _told)[0]
    figures = {name: round(value, 4) for name, value in found.means.items()}
    figures |= {"predictions": len(found.ranked.queries), "train_s": round(found.train_s, 1)}
    print(json.dumps(figures | where()))


def _told(words: str) -> Callable[[float], None]:
    print(words, file=sys.stderr, flush=True)
    return lambda part: None


if __name__ == "__main__":
    main()
