"""How good a linkage is, against the truth. All figures are from 0 to 1."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

Labels = Sequence[Hashable]


class Quality(NamedTuple):
    """``precision``, ``recall`` and ``f1`` of pairs of records; ``bcubed_f1`` of records (Bagga and Baldwin 1998);
    ``false_merge_rate``: which part of the persons of two records or more holds records of different people."""

    precision: float
    recall: float
    f1: float
    bcubed_f1: float
    false_merge_rate: float


def quality(truth: Labels, persons: Sequence[Sequence[int]], files: Sequence[int] | None = None) -> Quality:
    """``persons`` name records by place; all others are alone. With ``files``, only pairs of two files count."""
    found: list[Hashable] = [("alone", place) for place in range(len(truth))]
    for number, person in enumerate(persons):
        for place in person:
            found[place] = number
    both = list(zip(truth, found, strict=True))
    right, told, real = pairs_of(both, files), pairs_of(found, files), pairs_of(truth, files)
    mixed = sum(len({truth[place] for place in person}) > 1 for person in persons)
    precision, recall = right / told if told else 1.0, right / real if real else 1.0
    return Quality(precision, recall, f1(precision, recall), _bcubed(truth, found, both), mixed / max(len(persons), 1))


def f1(precision: float, recall: float) -> float:
    """Harmonic mean."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def pairs_of(labels: Labels, files: Sequence[int] | None = None) -> int:
    """How many pairs have the same label; with ``files``, only those of two files."""
    pairs = _within(labels)
    return pairs - _within(list(zip(labels, files, strict=True))) if files is not None else pairs


def _within(labels: Labels) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(labels).values())


def _bcubed(truth: Labels, found: Labels, both: Labels) -> float:
    """Of each record: which part of its person is right, and which part of the truth is there."""
    in_both, in_found, in_truth = Counter(both), Counter(found), Counter(truth)
    precision = sum(in_both[b] / in_found[f] for b, f in zip(both, found, strict=True)) / len(truth)
    recall = sum(in_both[b] / in_truth[t] for b, t in zip(both, truth, strict=True)) / len(truth)
    return f1(precision, recall)
