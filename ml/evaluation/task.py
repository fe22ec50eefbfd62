"""What is to be predicted from what: time is the only splitter, but where a format's own rule is another.

A model is trained twice. First on what came ``earlier``, to see on what came ``later`` how long to train and how much
each member of a blend is worth; then on all lessons. The test is looked at once, at the very end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.ranker import Lessons
from ml.sequences import Attributes, Bounds, Field, Hidden, Queries, Sequences, ragged

LATER_PART = 0.1
MOST_LATER = 20_000
LONGEST_HISTORY = 200
Names = Sequence[str]
Dated = Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Task:
    """``names`` (N,): the items by row. ``earlier`` and ``later`` are the lessons once more, split by time."""

    names: tuple[str, ...]
    earlier: Lessons
    later: Queries
    lessons: Lessons
    queries: Queries


class Rows:
    """Items by name → row, in the order in which they come."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def learn(self, items: Iterable[str]) -> list[int]:
        """Rows of items, new ones included from now on."""
        return [self.of.setdefault(item, len(self.of)) for item in items]

    def know(self, items: Iterable[str]) -> list[int]:
        """Rows of the known ones among the items."""
        return [self.of[item] for item in items if item in self.of]


def from_sessions(
    train: Iterable[Names], test: Iterable[tuple[Names, str]], attributes: Mapping[str, Names] | None = None
) -> Task:
    """Sessions in the order of time; ``test``: the items before, and the one that came then.

    Test lines of which each is the one before it without its last item are taken to be of one session.
    """
    rows = Rows()
    lists = Sequences.of(rows.learn(session) for session in train)
    return _by_time(rows, lists, _asked(rows, test), "none", attributes)


def from_clicks(train: Iterable[Names], test: Iterable[Names], attributes: Mapping[str, Names] | None = None) -> Task:
    """Sessions in the order of time, of which each next *different* item is asked; the latest cannot be the answer."""
    rows = Rows()
    lists = Sequences.of(rows.learn(session) for session in train)
    pairs = [(session[:at], session[at]) for session in test for at in range(1, len(session)) if _moves(session, at)]
    persons = [place for place, session in enumerate(test) for at in range(1, len(session)) if _moves(session, at)]
    asked = _queries(rows, pairs, persons, "latest")
    return _by_time(rows, lists, asked, "latest", attributes)


def from_sequences(
    train: Iterable[tuple[str, Names]],
    test: Iterable[tuple[str, Names]] | None = None,
    attributes: Mapping[str, Names] | None = None,
) -> Task:
    """A person's items, oldest first. Leave-one-out: each person's last item is asked after all earlier ones, without
    ``test`` the last of each training line. In a test line, what the person's training line has may stand again."""
    rows = Rows()
    persons = {person: rows.learn(items) for person, items in train}
    if test is None:
        asked = {person: items for person, items in persons.items() if len(items) > 1}
    else:
        asked = {person: _after(rows, persons, person, items) for person, items in test}
    taught = [items[:-1] if asked.get(person, items) == items else items for person, items in persons.items()]
    places = {person: place for place, person in enumerate(dict.fromkeys((*persons, *asked)))}
    return _leave_one_out(rows, taught, {places[person]: items for person, items in asked.items()}, attributes)


def from_histories(
    histories: Iterable[tuple[Dated, Dated, Dated]], attributes: Mapping[str, Names] | None = None
) -> Task:
    """For each person what is learnt, what is looked at to choose, and what is asked, as (when, item) in any order."""
    rows = Rows()
    told = [(_in_time(rows, known), _in_time(rows, later), _in_time(rows, asked)) for known, later, asked in histories]
    size, found = len(rows.of), _attributes(rows, attributes)
    earlier, later, asked = ([[row for _, row in each[part]] for each in told] for part in range(3))
    whole = [[row for _, row in sorted([*known, *since])] for known, since, _ in told]
    return Task(
        tuple(rows.of),
        Lessons(Sequences.of(earlier), size, found, "history", personal=True),
        _some(_grouped(dict(enumerate(zip(earlier, later, strict=True))))),
        Lessons(Sequences.of(whole), size, found, "history", personal=True),
        _grouped(dict(enumerate(zip(whole, asked, strict=True)))),
    )


def _in_time(rows: Rows, dated: Dated) -> list[tuple[float, int]]:
    return [(when, rows.learn([item])[0]) for when, item in sorted(dated)]


def next_items(sequences: Sequences, hidden: Hidden, *, different: bool) -> Queries:
    """Each item of each sequence after those before it, or, if only ``different`` ones, where it is not the same as the
    one just before it."""
    places = np.arange(len(sequences.items))
    first = np.repeat(sequences.indptr[:-1], sequences.lengths)
    asked = places > first
    if different:
        asked[1:] &= sequences.items[1:] != sequences.items[:-1]
    at, owners = places[asked], sequences.owners()[asked]
    lengths = np.minimum(at - first[asked], LONGEST_HISTORY)
    history = Sequences(_bounds(lengths), sequences.items[ragged(at - lengths, lengths)])
    return Queries(history, Sequences(_bounds(np.ones(len(at), np.int64)), sequences.items[at]), hidden, owners)


def _by_time(
    rows: Rows, lists: Sequences, asked: Queries, hidden: Hidden, attributes: Mapping[str, Names] | None
) -> Task:
    size, found = len(rows.of), _attributes(rows, attributes)
    cut = len(lists) - max(1, int(LATER_PART * len(lists)))
    later = next_items(lists.take(slice(cut, None)), hidden, different=hidden == "latest")
    return Task(
        tuple(rows.of),
        Lessons(lists.take(slice(cut)), size, found, hidden),
        later.take(slice(-MOST_LATER, None)),
        Lessons(lists, size, found, hidden),
        asked,
    )


def _leave_one_out(
    rows: Rows, taught: list[list[int]], asked: Mapping[int, list[int]], attributes: Mapping[str, Names] | None
) -> Task:
    size, found = len(rows.of), _attributes(rows, attributes)
    known = [items[:-1] for items in taught]
    return Task(
        tuple(rows.of),
        Lessons(Sequences.of(known), size, found, "history", personal=True),
        _some(_grouped({n: (items[:-1], items[-1:]) for n, items in enumerate(taught) if len(items) > 1})),
        Lessons(Sequences.of(taught), size, found, "history", personal=True),
        _grouped({n: (items[:-1], items[-1:]) for n, items in asked.items()}),
    )


def _after(rows: Rows, persons: Mapping[str, list[int]], person: str, items: Names) -> list[int]:
    """A test line's items with the person's training line in front, unless it begins with that already; an item that
    training does not have is -1 as a target and left out before."""
    known = persons.get(person, [])
    before, target = rows.know(items[:-1]), rows.of.get(items[-1], -1)
    line = [*before, target]
    return line if line[: len(known)] == known else [*known, *line]


def _asked(rows: Rows, test: Iterable[tuple[Names, str]]) -> Queries:
    pairs, persons, above, person = [], [], list[str](), -1
    for before, target in test:
        whole = [*before, target]
        same = above[: len(whole)] == whole and len(above) == len(whole) + 1
        person += not same
        persons.append(person)
        pairs.append((before, target))
        above = whole
    return _queries(rows, pairs, persons, "none")


def _queries(rows: Rows, pairs: Iterable[tuple[Names, str]], persons: Iterable[int], hidden: Hidden) -> Queries:
    known = [(rows.know(before)[-LONGEST_HISTORY:], rows.of.get(target, -1)) for before, target in pairs]
    history = Sequences.of(before for before, _ in known)
    return Queries(history, Sequences.of([target] for _, target in known), hidden, np.array(list(persons), np.int64))


def _grouped(pairs: Mapping[int, tuple[list[int], list[int]]]) -> Queries:
    """``pairs``: the place of a person in the lessons → history and targets."""
    asked = [(place, history, targets) for place, (history, targets) in pairs.items() if targets]
    return Queries(
        Sequences.of(history for _, history, _ in asked),
        Sequences.of(targets for _, _, targets in asked),
        "history",
        np.array([place for place, _, _ in asked], np.int64),
    )


def _some(queries: Queries) -> Queries:
    """Evenly spread ones, where there are many."""
    step = len(queries) / MOST_LATER
    return queries if step <= 1 else queries.take((np.arange(MOST_LATER) * step).astype(np.int64))


def _attributes(rows: Rows, attributes: Mapping[str, Names] | None) -> Attributes | None:
    if attributes is None:
        return None
    codes: dict[str, int] = {}
    lists = [[codes.setdefault(each, len(codes)) for each in attributes.get(item, ())] for item in rows.of]
    return Attributes(len(rows.of), {"attribute": Field.of(lists, max(len(codes), 1))})


def _bounds(lengths: Bounds) -> Bounds:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _moves(session: Names, at: int) -> bool:
    return session[at] != session[at - 1]
