"""The erasure fold: what is left to be done of a request, and from when on. Pure; steps are recorded, not supposed."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from domain.event import Event
from domain.privacy import LATER, NOW, ErasureRequest, Step
from projections.moment import millis
from readmodels.erasure import BEGUN, READY, UNREADABLE, ErasureStatus, StepReport

Changes = dict[str, Any]
_RULES: dict[type[Event], Callable[[Any, ErasureStatus, int], Changes]] = {
    ErasureRequest.Requested: lambda e, s, at: {
        "subject": e.subject,
        "streams": e.streams,
        "source": e.source.value,
        "requested_by": e.by,
        "requested_ms": at,
        "due_ms": millis(e.due_at),
        "cancel_until_ms": millis(e.cancel_until),
        "four_eyes": e.four_eyes,
    },
    ErasureRequest.Verified: lambda e, s, at: {"verified_by": e.by, "method": e.method.value},
    ErasureRequest.Held: lambda e, s, at: {"held": e.ground.value},
    ErasureRequest.Released: lambda e, s, at: {"held": ""},
    ErasureRequest.Approved: lambda e, s, at: {"approved_by": e.by},
    ErasureRequest.Cancelled: lambda e, s, at: {"cancelled_by": e.by},
    ErasureRequest.Begun: lambda e, s, at: {"begun_ms": at, "streams": e.streams},
    ErasureRequest.StepDone: lambda e, s, at: {"steps": {**s.steps, e.step.value: StepReport(at, dict(e.counts))}},
    ErasureRequest.Unreadable: lambda e, s, at: {"unreadable_ms": at},
    ErasureRequest.Unrecoverable: lambda e, s, at: {"unrecoverable_ms": at, "epoch": e.epoch},
    ErasureRequest.Done: lambda e, s, at: {"done_ms": at},
    ErasureRequest.Reapplied: lambda e, s, at: {"reapplied": s.reapplied + 1},
}


def fold(status: ErasureStatus, events: Iterable[Event]) -> ErasureStatus:
    """The status with these events of its request in it; those that it has already change nothing."""
    for event in events:
        if event.originator_version > status.version:
            occurred: Any = event
            changes = _RULES[type(event)](event, status, millis(occurred.occurred_at))
            status = replace(status, version=event.originator_version, **changes)
    return status


def left(status: ErasureStatus) -> tuple[Step, ...]:
    """The steps that make the person unreadable and are not done yet, in their order; none before it has begun."""
    return tuple(step for step in NOW if step not in status.steps) if status.begun_ms else ()


def pending(status: ErasureStatus) -> tuple[Step, ...]:
    """What follows with the next generation and is not done yet."""
    return tuple(step for step in LATER if step not in status.steps) if status.begun_ms else ()


def next_ms(status: ErasureStatus) -> int | None:
    """From when on there is something to do for it, in ms since 1970; None where somebody has to decide first, or
    all that can be done at once is done."""
    if status.state == READY:
        return status.cancel_until_ms
    return status.begun_ms if status.state == BEGUN else None


def overdue(status: ErasureStatus, now: datetime) -> bool:
    """Whether the month that the law gives is over while the person can still be read."""
    return status.state not in (UNREADABLE, "done", "cancelled") and millis(now) > status.due_ms
