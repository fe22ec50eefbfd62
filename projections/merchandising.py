"""The fold of the rule book: which rules are live. And every set that ever was, by its hash."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from domain.event import Event
from domain.merchandising import RuleBook, RuleSet, canonical
from projections.moment import millis
from projections.versions import advance
from readmodels.merchandising import PublishedRules

#: What makes a set live. Each such event holds the whole set.
LIVE = (RuleBook.Published, RuleBook.Withdrawn, RuleBook.RolledBack)


def apply(record: PublishedRules, fact: Event) -> PublishedRules:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    return advance(record, fact, fold)


def fold(fact: Event, record: PublishedRules) -> PublishedRules:
    """What makes a set live replaces what was; drafts change nothing but the version. One book has one writer at a
    time, so the order of its stream is what counts, not anybody's clock."""
    if isinstance(fact, LIVE):
        return replace(record, digest=fact.digest, since=millis(fact.occurred_at), rules=canonical(fact.rules))
    return record


def rulebook_by_hash(history: Iterable[Event]) -> Mapping[str, RuleSet]:
    """Hash → set, of all that were ever live, from the events of the book's stream in any order; "" → no rules."""
    found = {fact.digest: RuleSet(rules=fact.rules) for fact in history if isinstance(fact, LIVE)}
    return {"": RuleSet()} | found
