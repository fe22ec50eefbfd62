"""How well the next different item is predicted: full ranking over all items, ties counted against the model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ml.nextitem.model import NextItem
from ml.nextitem.score import score

AT = 20


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hit rate and mean reciprocal rank within the first 20, each 0 … 1, over so many predictions."""

    hr_at_20: float
    mrr_at_20: float
    predictions: int


def evaluate(
    model: NextItem, sessions: Iterable[Sequence[str]], progress: Callable[[], None] = lambda: None
) -> Ranking:
    """After each click of a session whose next click is another item, ranks all items but the one just clicked.

    An item that the model does not know is missed, and counts as a prediction.
    """
    hits, reciprocal, predictions = 0, 0.0, 0
    for session in sessions:
        for position in range(1, len(session)):
            if session[position] != session[position - 1]:
                rank = rank_of(model, session[:position], session[position])
                predictions += 1
                hits += rank <= AT
                reciprocal += 1 / rank if rank <= AT else 0.0
        progress()
    return Ranking(hits / max(predictions, 1), reciprocal / max(predictions, 1), predictions)


def rank_of(model: NextItem, clicked: Sequence[str], target: str) -> int:
    """The target's rank, 1 is best; beyond all that count when it is unknown."""
    if target not in model.index:
        return max(len(model.skus), AT) + 1
    recent = [model.index[sku] for sku in reversed(clicked[-model.config.recent :]) if sku in model.index]
    total = score(model, recent).total
    if clicked[-1] in model.index:
        total[model.index[clicked[-1]]] = -1
    return int((total >= total[model.index[target]]).sum())
