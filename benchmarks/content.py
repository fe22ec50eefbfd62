"""How well items without a history are found: a tenth of the items is removed from all sequences, the content model
learns from the rest, and where one of the removed came last in a sequence, it is looked for among the removed.

An item's category is the one of its attributes that most items have. What 20 removed items drawn at random would find:

- from all (``random``);
- from the category of the person's latest item (``random_within_category``), as a shop might draw them;
- from the category of the item that came (``random_told_category``), which nobody knows beforehand. What compares with
  it is ``recall_at_20_told_category``, where the model is told it too, and ranks the removed items of that category.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from adapters.datasets.attributes import attributes as read_attributes
from adapters.datasets.sequences import sequences as read_sequences
from app.cli.output import bar, errors
from benchmarks.where import where
from ml.baselines import itemknn
from ml.content.cold import Asked, Cold, recall_at_20, remove
from ml.content.rivals import latest, most_general, overlap, random_of, ridge
from ml.content.train import learn
from ml.ranker import Lessons
from ml.sequences import Attributes, Field, Floats, Sequences

DATA = Path(__file__).parents[2] / "shared" / "data" / "amazon_seq"
REMOVED = 0.1
Ranking = Callable[[Asked], Floats]


def read(sequences: Path, attributes: Path) -> tuple[Sequences, Attributes]:
    """All sequences, whole, and their items' attributes."""
    rows: dict[str, int] = {}
    lists = [[rows.setdefault(item, len(rows)) for item in person.items] for person in read_sequences(sequences)]
    told, codes = read_attributes(attributes), dict[str, int]()
    coded = [[codes.setdefault(each, len(codes)) for each in told.get(item, ())] for item in rows]
    return Sequences.of(lists), Attributes(len(rows), {"attribute": Field.of(coded, len(codes))})


def measured(
    sequences: Sequences, attributes: Attributes, seed: int, progress: Callable[[float], None]
) -> dict[str, dict[str, float]]:
    """Way to rank → its figures."""
    cold = remove(sequences, attributes.items, seed, REMOVED)
    lessons = Lessons(cold.lessons, attributes.items, attributes, "history")
    began = time.process_time()
    content, epochs = learn(lessons, seed, lambda words, part: progress(part))
    trained = {"epochs": epochs, "train_cpu_s": round(time.process_time() - began, 1)}
    ways: dict[str, Ranking] = {
        "content": lambda asked: content.users(asked.history) @ content.items[cold.removed].T,
        "ridge": lambda asked: ridge(attributes, cold, asked),
        "overlap": lambda asked: overlap(attributes, cold, asked),
    }
    found = {name: figures(way, attributes, cold) for name, way in ways.items()}
    found["content"] |= trained
    found["itemknn_not_cold"] = {"recall_at_20": recall_at_20(warm(lessons, sequences, cold), cold, cold.asked_last)}
    return found | {"chance": chance(attributes, cold)}


def figures(way: Ranking, attributes: Attributes, cold: Cold) -> dict[str, float]:
    """Recall@20 where removed items came last, the same told the category, and wherever removed items came."""
    category = most_general(attributes.fields["attribute"])
    last, alike = way(cold.asked_last), category[cold.asked_last.targets][:, None] == category[cold.removed]
    return {
        "recall_at_20": recall_at_20(last, cold, cold.asked_last),
        "recall_at_20_told_category": recall_at_20(last, cold, cold.asked_last, of_kind=alike),
        "recall_at_20_all_times": recall_at_20(way(cold.asked), cold, cold.asked),
    }


def chance(attributes: Attributes, cold: Cold) -> dict[str, float]:
    """What random items find."""
    category, asked = most_general(attributes.fields["attribute"]), cold.asked_last
    return {
        "random": min(1.0, 20 / len(cold.removed)),
        "random_within_category": random_of(category, cold, asked, category[latest(asked)]),
        "random_told_category": random_of(category, cold, asked, category[asked.targets]),
        "asked": len(asked.targets),
        "items_removed": len(cold.removed),
    }


def warm(lessons: Lessons, sequences: Sequences, cold: Cold) -> Floats:
    """(Q, R) by ItemKNN, for which nothing is removed but the items that are asked for: where content ends."""
    ends = np.zeros(len(sequences.items), bool)
    ends[sequences.indptr[1:][sequences.lengths > 0] - 1] = True
    kept = ~(ends & np.isin(sequences.items, cold.removed))
    indptr = np.concatenate(([0], np.cumsum(kept)))[sequences.indptr].astype(np.int64)
    model = itemknn.train(replace(lessons, sequences=Sequences(indptr, sequences.items[kept])))
    return model.scores(cold.asked_last.history)[:, cold.removed]


def summary(seeds: list[int], runs: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    """Means over the seeds, and what content is worth beside each kind of chance."""
    means = {way: {name: float(np.mean([run[way][name] for run in runs])) for name in runs[0][way]} for way in runs[0]}
    content, luck = means["content"], means["chance"]
    ratios = {
        "ratio": content["recall_at_20"] / luck["random_within_category"],
        "ratio_told_category": content["recall_at_20_told_category"] / luck["random_told_category"],
        "ratio_only_chance_told": content["recall_at_20"] / luck["random_told_category"],
        "ratio_random": content["recall_at_20"] / luck["random"],
    }
    rivals = {way: _rounded(found) for way, found in means.items() if way not in ("content", "chance")}
    return {**_rounded(content | luck | ratios), "rivals": rivals, "seed": seeds[0] if len(seeds) == 1 else seeds}


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    """A line for each seed, and the means as the last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sequences", type=Path, default=DATA / "Beauty.txt.gz", help="person, then items, a line")
    parser.add_argument("--attributes", type=Path, default=DATA / "Beauty_item2attributes.json.gz")
    asked = parser.parse_args()
    if not asked.sequences.exists() or not asked.attributes.exists():
        errors.print(f"There is nothing to measure on: {asked.sequences} and {asked.attributes} have to be there.")
        raise SystemExit(1)
    sequences, attributes = read(asked.sequences, asked.attributes)
    runs = []
    for seed in asked.seeds:
        with bar(f"Seed {seed}", 200) as advance:
            runs.append(measured(sequences, attributes, seed, _by_part(advance)))
        print(json.dumps({"seed": seed} | {way: _rounded(found) for way, found in runs[-1].items()}), flush=True)
    print(json.dumps(summary(asked.seeds, runs) | where()))


def _by_part(advance: Callable[[int], None]) -> Callable[[float], None]:
    """Two trainings, each from 0 to 1, as 200 steps."""
    done, before, last = 0, 0, 0.0

    def told(part: float) -> None:
        nonlocal done, before, last
        if part < last:
            before = 100
        last = part
        if (now := before + int(100 * part)) > done:
            advance(now - done)
            done = now

    return told


if __name__ == "__main__":
    main()
