"""What bandits chose of what persons of an experiment were shown: told by the receipts of the decisions."""

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from uuid import UUID

from app.wiring import Wiring
from projections.experiments.exposed import Person
from queries.decisions import Gone
from queries.explored_places import Choice, Chosen
from queries.recommend.decision import Decision, Reason, Shown

#: Receipts that are opened together.
TOGETHER = 2_000
_FLOAT = Struct("<f")


def read(
    wiring: Wiring, key: str, persons: Sequence[Person], progress: Callable[[int], None] = lambda n: None
) -> Chosen:
    """Of all persons' showings. A receipt counts for the person whom it was made for, whoever names its decision.
    Raises UnavailableError."""
    owners = sorted({(one.decision, number) for number, person in enumerate(persons) for one in person.showings})
    found, unread = dict[tuple[UUID, str], Choice](), 0
    for begin in range(0, len(owners), TOGETHER):
        some = owners[begin : begin + TOGETHER]
        receipts = wiring.receipts.some(list({decision for decision, _ in some}))
        progress(len(some))
        for decision, number in some:
            receipt = receipts.get(decision)
            if receipt is None or isinstance(receipt, Gone):
                unread += 1
            elif receipt.person_id in persons[number].streams and key in receipt.arms:
                found |= dict(_choices(receipt, key))
    return Chosen(found, unread)


def _choices(receipt: Decision, key: str) -> Iterator[tuple[tuple[UUID, str], Choice]]:
    """By its reason: what exploration found and a rule pinned is the rule's."""
    for item in receipt.items:
        if item.reason == Reason.EXPLORE:
            yield (receipt.decision_id, item.sku), _choice(receipt.arms[key], item)


def _choice(arm: str, item: Shown) -> Choice:
    return Choice(arm, float(_FLOAT.unpack(item.propensity)[0]), item.among)
