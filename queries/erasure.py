"""What is told of a request to erase: ids, times, counts, and what is still to be done."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from projections.erasure import left, overdue, pending
from projections.moment import moment
from readmodels.erasure import ErasureStatus

#: What stays of a person who was erased, and why.
RETAINED = {
    "customer.order_placed": "date, channel, order id, amounts, currency: commercial and tax law",
    "customer.lines_returned": "date, channel, order id, return id, amount, currency: commercial and tax law",
    "customer.ledger_refunded": "date, channel, order id, return id, amount, currency: commercial and tax law",
    "customer.customer_erased": "date and request id: Article 5(2) GDPR, accountability",
}


class ToldStep(msgspec.Struct, frozen=True):
    """A step that is done, with what was swept."""

    at: datetime | None
    counts: dict[str, int]


class Told(msgspec.Struct, frozen=True):
    """``left``: steps until nothing of the person can be read. ``pending``: what follows with the next generation.
    ``unreadable``: since when nobody reads anything; ``unrecoverable``: since when no backup opens either."""

    request: UUID
    state: str
    subject: UUID | None
    streams: tuple[UUID, ...]
    source: str
    requested_by: str
    requested: datetime | None
    due: datetime | None
    overdue: bool
    cancel_until: datetime | None
    four_eyes: bool
    verification: str
    held: str | None
    approved_by: str | None
    cancelled_by: str | None
    begun: datetime | None
    unreadable: datetime | None
    unrecoverable: datetime | None
    done: datetime | None
    left: tuple[str, ...]
    pending: tuple[str, ...]
    steps: dict[str, ToldStep]
    reapplied: int
    retained: dict[str, str]


def told(status: ErasureStatus, now: datetime) -> Told:
    """A request as it is told at ``now``."""
    return Told(
        request=status.request,
        state=status.state,
        subject=status.subject,
        streams=status.streams,
        source=status.source,
        requested_by=status.requested_by,
        requested=_at(status.requested_ms),
        due=_at(status.due_ms),
        overdue=overdue(status, now),
        cancel_until=_at(status.cancel_until_ms),
        four_eyes=status.four_eyes,
        verification=status.verification,
        held=status.held or None,
        approved_by=status.approved_by or None,
        cancelled_by=status.cancelled_by or None,
        begun=_at(status.begun_ms),
        unreadable=_at(status.unreadable_ms),
        unrecoverable=_at(status.unrecoverable_ms),
        done=_at(status.done_ms),
        left=tuple(step.value for step in left(status)),
        pending=tuple(step.value for step in pending(status)),
        steps={name: ToldStep(_at(step.at_ms), step.counts) for name, step in status.steps.items()},
        reapplied=status.reapplied,
        retained=RETAINED if status.begun_ms else {},
    )


def words(status: Told) -> str:
    """One line for a terminal."""
    facts: list[Any] = [status.request, f"{status.state:<10}", f"due {status.due:%Y-%m-%d}" if status.due else ""]
    facts.append(status.verification)
    facts += [f"held: {status.held}"] if status.held else []
    facts += ["OVERDUE"] if status.overdue else []
    facts += [f"pending: {', '.join(status.pending)}"] if status.pending else []
    return "  ".join(map(str, facts))


def _at(millis: int) -> datetime | None:
    return moment(millis) if millis else None
