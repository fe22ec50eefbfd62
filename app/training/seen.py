"""Views of whole streams, of those that may train: what is said on consent counts for the whole person, as in the
training set."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.ties import TIES
from ml.nextitem.data import Look
from projections.examples import Rules
from projections.gathering import gathered, linked
from projections.knowledge import unreadable
from projections.permission import Permission, child, words
from projections.statistics import look

ANYBODY = Rules()
#: What tells who is who, and who allows what. A stream's first event tells whether it is erased.
TOLD = (
    Customer.Opened,
    Customer.Reopened,
    *TIES,
    Customer.ConsentGiven,
    Customer.ConsentWithdrawn,
    Customer.DetailsGiven,
    Customer.DetailsCorrected,
    Customer.CustomerErased,
    Erased,
)


class Told:
    """What persons told of who they are and of what they allow, stream by stream, in the order of versions."""

    def __init__(self) -> None:
        self._told: dict[UUID, list[Event]] = defaultdict(list)

    def add(self, fact: Event) -> None:
        """One event of any stream; those of no interest are passed over."""
        if isinstance(fact, TOLD):
            self._told[fact.originator_id].append(fact)

    def permissions(self, streams: Iterable[UUID], rules: Rules) -> dict[UUID, Permission]:
        """Of those of the streams that may train: not of a person whose consent stands withdrawn, who is a child, or
        who is erased."""
        persons = gathered(each for stream, told in self._told.items() if (each := linked(stream, told)))
        whole = {stream: members for members in persons for stream in members}
        found = {}
        for stream in streams:
            told = [self._told[own] for own in sorted(whole.get(stream, (stream,))) if own in self._told]
            if not unreadable(told) and not child(told):
                permission = Permission(words(told), rules.purposes, assumed=rules.assumed)
                if permission.stands:
                    found[stream] = permission
        return found


class Seen:
    """Takes events in the order of each stream's versions. ``categories``: SKU → as channels named it, of views that
    may not train too, as it tells of products alone."""

    def __init__(self) -> None:
        self.categories: dict[str, str | None] = {}
        self._looks: dict[UUID, list[Look]] = defaultdict(list)
        self._told = Told()

    def add(self, fact: Event) -> None:
        """One event of any stream."""
        if isinstance(fact, Customer.ProductViewed):
            self._looks[fact.originator_id].append(look(fact))
            self.categories[fact.sku] = fact.category or self.categories.get(fact.sku)
        else:
            self._told.add(fact)

    def allowed(self, rules: Rules = ANYBODY) -> Mapping[UUID, list[Look]]:
        """Stream → its views that may train: none of a person whose consent stands withdrawn, who is a child, or who is
        erased, and none from times when consent was withdrawn."""
        permissions = self._told.permissions(self._looks, rules)
        return {
            stream: [seen for seen in self._looks[stream] if permission.at(seen[0])]
            for stream, permission in permissions.items()
        }
