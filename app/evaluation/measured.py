"""What a model did on a task's test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.evaluation.metrics import Doubles, by_query, coverage, means
from ml.evaluation.ranking import Ranked
from ml.evaluation.task import Task


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's ``ranked`` test, each metric by query, and what is to be said of its training."""

    model: str
    ranked: Ranked
    by_query: Mapping[str, Doubles]
    coverage: float
    train_s: float
    predict_s: float
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def means(self) -> dict[str, float]:
        """Each metric over all queries."""
        return means(self.by_query)


def measured(
    model: str, ranked: Ranked, task: Task, train_s: float, predict_s: float, notes: Mapping[str, Any]
) -> Measured:
    """From what a model ranked."""
    covered = coverage(ranked.lists, task.lessons.items)
    return Measured(model, ranked, by_query(ranked), covered, train_s, predict_s, notes)
