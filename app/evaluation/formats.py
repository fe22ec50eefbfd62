"""Files of interactions → what is to be predicted from what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from adapters.datasets import attributes as attribute_files
from adapters.datasets import eshop
from adapters.datasets.ratings import Rating, ratings
from adapters.datasets.sequences import sequences
from adapters.datasets.sessions import sessions, targets
from ml.evaluation.task import Dated, Task, from_clicks, from_histories, from_sequences, from_sessions

LEAST_RATING = 3
SPLIT_SEED = 2020
PARTS = (0.8, 0.1, 0.1)
FIELDS = ("main_category", "colour", "location", "model_photography", "price", "price_2", "page")
Named = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Files:
    """What the user gave. ``split``: how ratings are divided where there is no ``test``."""

    kind: str
    train: Path
    test: Path | None = None
    attributes: Path | None = None
    split: str = "random"


def load(files: Files) -> Task:
    """Raises ValueError that names the file and line, or what is missing."""
    told = attribute_files.attributes(files.attributes) if files.attributes else None
    if files.kind == "sequences":
        test = [(each.name, each.items) for each in sequences(files.test)] if files.test else None
        task = from_sequences(((each.name, each.items) for each in sequences(files.train)), test, told)
    elif files.kind == "ratings":
        task = _ratings(files, told)
    elif files.test is None:
        raise ValueError(f"--test is missing: format {files.kind} has its later sessions in a file of their own")
    elif files.kind == "sessions":
        task = from_sessions(sessions(files.train), targets(files.test), told)
    else:
        task = _clicks(files.train, files.test, told)
    if not len(task.queries):
        raise ValueError("there is nothing to predict: no sequence has an item that could be asked for")
    if not len(task.later):
        raise ValueError("there is too little to train on: choosing needs later items, and there are none")
    return task


def _clicks(train: Path, test: Path, told: Named | None) -> Task:
    rows = list(eshop.csv_rows(train))
    return from_clicks(_by_session(rows), _by_session(eshop.csv_rows(test)), told or _said(rows))


def _by_session(rows: Iterable[eshop.Row]) -> list[list[str]]:
    """Sessions by the day of their first click; the rows of one may stand apart."""
    ordered = sorted(rows, key=lambda row: (row.session_id, row.order))
    found = [list(group) for _, group in groupby(ordered, lambda row: row.session_id)]
    found.sort(key=lambda group: (min(row[:3] for row in group), group[0].session_id))
    return [[eshop.sku(row) for row in group] for group in found]


def _said(rows: Iterable[eshop.Row]) -> Named:
    """What the latest click says of each model: category, colour, place on the page and so on."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found[eshop.sku(row)] = [f"{field} {getattr(row, field)}" for field in FIELDS]
    return found


def _ratings(files: Files, told: Named | None) -> Task:
    rows = _first_of_each(row for row in ratings(files.train) if row.rating >= LEAST_RATING)
    if files.test is not None:
        asked = _first_of_each(row for row in ratings(files.test) if row.rating >= LEAST_RATING)
        parts = [*_latest(rows, (1 - PARTS[1], PARTS[1])), asked]
    else:
        parts = _drawn(rows) if files.split == "random" else _latest(rows, PARTS)
    return from_histories(_by_user(parts), told)


def _first_of_each(rows: Iterable[Rating]) -> list[Rating]:
    """The same item again is no new preference: of a person's ratings of an item the earliest counts."""
    first: dict[tuple[str, str], Rating] = {}
    for row in rows:
        known = first.get((row.user, row.item))
        if known is None or row.timestamp < known.timestamp:
            first[row.user, row.item] = row
    return list(first.values())


def _drawn(rows: list[Rating]) -> list[list[Rating]]:
    """Each user's ratings at random, 8:1:1, as RecBole's ratio split does it: a part that would be less than one rating
    takes one, while anything is left to learn from."""
    order = np.random.Generator(np.random.Philox(SPLIT_SEED)).permutation(len(rows))
    of_user: dict[str, list[Rating]] = {}
    for place in order:
        of_user.setdefault(rows[place].user, []).append(rows[place])
    parts: list[list[Rating]] = [[], [], []]
    for each in of_user.values():
        begin = 0
        for part, size in zip(parts, _sizes(len(each)), strict=True):
            part.extend(each[begin : begin + size])
            begin += size
    return parts


def _sizes(total: int) -> list[int]:
    sizes = [int(part * total) for part in PARTS]
    sizes[0] = total - sum(sizes[1:])
    for which in (2, 1):
        if sizes[0] <= 1:
            break
        if 0 < PARTS[which] * total < 1:
            sizes[which] += 1
            sizes[0] -= 1
    return sizes


def _latest(rows: list[Rating], parts: Sequence[float]) -> list[list[Rating]]:
    """All ratings by time, cut into parts: nothing in a part is earlier than what is in the one before."""
    ordered = sorted(rows, key=lambda row: (row.timestamp, row.user, row.item))
    cuts = np.rint(np.cumsum([0, *parts]) * len(ordered)).astype(int)
    return [ordered[begin:end] for begin, end in pairwise(cuts)]


def _by_user(parts: Sequence[Sequence[Rating]]) -> Iterable[tuple[Dated, Dated, Dated]]:
    users: dict[str, tuple[list[tuple[float, str]], ...]] = {}
    for place, part in enumerate(parts):
        for row in part:
            users.setdefault(row.user, ([], [], []))[place].append((row.timestamp, row.item))
    return ((known, later, asked) for known, later, asked in users.values())
