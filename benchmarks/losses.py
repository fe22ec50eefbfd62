"""BPR against sampled softmax with the logQ correction: NCF trained by each for a few epochs, everything else the same,
and measured on the later part of the training data. The test is not looked at."""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from app.cli.output import errors
from app.evaluation.formats import Files, load
from benchmarks.next_item import split
from benchmarks.where import where
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.evaluation.task import Task
from ml.ncf.model import Config
from ml.ncf.train import train
from ml.ranker import silent
from ml.recipes import for_size

DATA = Path(__file__).parents[2] / "shared" / "data" / "amazon_seq" / "Beauty.txt.gz"
NEGATIVES = (32, 1024)
ASKED = 3_000


def tasks(sequences: Path) -> dict[str, Task]:
    """The e-shop's clicks, and a file of sequences if it is there."""
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        found = {"eshop": load(Files("eshop", *split(Path(folder))))}
    if sequences.exists():
        found[sequences.name.split(".")[0]] = load(Files("sequences", sequences))
    return found


def measured(task: Task, loss: Any, negatives: int, epochs: int, seed: int) -> dict[str, Any]:
    """One training's figures."""
    config = replace(for_size(Config(), task.lessons.items), loss=loss, negatives=negatives, epochs=epochs)
    began = time.process_time()
    model, _ = train(task.earlier, seed, silent, config)
    spent = time.process_time() - began
    queries = task.later.take(slice(None, None, max(1, len(task.later) // ASKED)))
    found = means(by_query(rank(model, queries)))
    figures = {name: round(found[name], 4) for name in ("hr@10", "hr@20", "ndcg@10", "mrr@20")}
    return {"loss": loss, "negatives": negatives, **figures, "train_cpu_s": round(spent, 1)}


def main() -> None:
    """A line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=Path, default=DATA, help="person, then items, a line")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if not asked.sequences.exists():
        errors.print(f"{asked.sequences} is not there: the e-shop alone is measured.")
    for name, task in tasks(asked.sequences).items():
        for loss in ("softmax", "bpr"):
            for negatives in NEGATIVES:
                found = measured(task, loss, negatives, asked.epochs, asked.seed)
                print(json.dumps({"data": name, "epochs": asked.epochs, **found} | where()), flush=True)


if __name__ == "__main__":
    main()
