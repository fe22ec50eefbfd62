"""What was shown to a person of answers that decisions made, and what of it was clicked. Pure.

Which of it a bandit chose, and with which chance, is told by the receipts of the decisions and not by the log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.event import Event
from projections.bandit import CLICK_WINDOW_MS, trials
from projections.permission import Permission

#: Nothing is trained by what is told here, and nobody is in an experiment who has withdrawn.
_ALLOWED = Permission((), (), assumed=True)
_EVER = 1 << 62
#: A decision, and a SKU that it showed.
Shown = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Showing:
    """An item of an answer that stood before somebody. ``clicked``: within half an hour, as bandits learn it."""

    at_ms: int
    decision: UUID
    sku: str
    clicked: bool


def showings(streams: Iterable[Sequence[Event]]) -> tuple[Showing, ...]:
    """Of one person's streams, by time, those whose decision is named: channels may say anything, or nothing."""
    found = (
        Showing(trial.at, decision, trial.sku, trial.clicked)
        for events in streams
        for trial in trials(events, _EVER, _ALLOWED)
        if (decision := _id(trial.decision))
    )
    return tuple(sorted(found, key=lambda each: (each.at_ms, each.decision, each.sku, each.clicked)))


def _id(told: str | None) -> UUID | None:
    try:
        return UUID(told) if told else None
    except ValueError:
        return None


def known(shown: Iterable[Showing], since_ms: int, end_ms: int, until_ms: int) -> dict[Shown, bool]:
    """(Decision, SKU) → whether it was clicked, of showings from ``since_ms`` on and before ``end_ms`` whose clicks
    cannot come after ``until_ms`` any more. What was shown twice for one decision counts once."""
    found: dict[Shown, bool] = {}
    for each in shown:
        if since_ms <= each.at_ms < end_ms and each.at_ms + CLICK_WINDOW_MS <= until_ms:
            key = each.decision, each.sku
            found[key] = found.get(key, False) or each.clicked
    return found
