"""The customer fold: event by event, what a stream's record becomes.

Pure, and by event time only: the same events in any order of arrival make the same record. Inside, the rules write
into a draft, which is made from a record once for all the events that are folded together, not once an event.
"""

from collections.abc import Iterable
from typing import Any

from domain.event import Event
from projections.customer import acts, who
from projections.customer.draft import RULES, Draft, find, ignore
from projections.moment import millis, tag
from projections.versions import GapError
from readmodels.customer import CustomerRecord

#: Modules of rules, which enter what they know when they are imported.
RULEBOOKS = (who, acts)
#: An event's class, something with its fields, when it happened (ms), and its tag.
Told = tuple[type[Event], Any, int, int]

__all__ = ["RULEBOOKS", "Draft", "Told", "apply", "fold", "fold_all", "fold_some", "fold_told"]


def apply(record: CustomerRecord, fact: Event) -> CustomerRecord:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    return fold_all(record, (fact,))


def fold_all(record: CustomerRecord, facts: Iterable[Event]) -> CustomerRecord:
    """The record with all the events of its stream in it, in the order of their versions; those that it has already
    change nothing. Raises GapError."""
    draft: Draft | None = None
    version = record.version
    for fact in facts:
        if fact.originator_version <= version:
            continue
        if fact.originator_version > version + 1:
            raise GapError(fact.originator_id, version)
        draft = draft or Draft(record)
        fold(fact, draft)
        version += 1
    return draft.finish(version) if draft else record


def fold_some(facts: Iterable[Event]) -> CustomerRecord:
    """What these events of a stream say, though others may be missing; ``version`` is how many they are."""
    draft, count = Draft(CustomerRecord()), 0
    for fact in facts:
        fold(fact, draft)
        count += 1
    return draft.finish(count)


def fold_told(told: Iterable[Told], version: int) -> CustomerRecord:
    """A whole stream's record, by what its ``version`` events tell."""
    draft = Draft(CustomerRecord())
    for kind, fact, at, tag_ in told:
        (RULES.get(kind) or find(kind))(fact, draft, at, tag_)
    return draft.finish(version)


def fold(fact: Event, draft: Draft) -> None:
    """Writes what one event says into the draft. Facts of no interest here change nothing."""
    rule = RULES.get(type(fact)) or find(type(fact))
    if rule is not ignore:
        occurred: Any = fact
        rule(fact, draft, millis(occurred.occurred_at), tag(occurred.source_id))
