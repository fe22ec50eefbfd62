"""Who somebody is: identifiers, ties, details, consent; and that they were erased."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from domain.customer import Customer
from domain.values import Details
from projections.customer.draft import Draft, rule
from readmodels.customer import (
    Consent,
    CustomerRecord,
    consents,
)
from readmodels.features import CHILD

AGE_BANDS = ((16, CHILD), (18, "16-17"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))


@rule(Customer.Opened, Customer.Reopened)
def _opened(fact: Customer.Opened | Customer.Reopened, draft: Draft, at: int, tag_: int) -> None:
    draft.kind = fact.kind.value


@rule(Customer.CustomerErased)
def _erased(fact: Customer.CustomerErased, draft: Draft, at: int, tag_: int) -> None:
    """Nothing is left, whether or not what was before can still be read."""
    draft.__init__(CustomerRecord())  # type: ignore[misc]


@rule(Customer.IdentifierLinked)
def _linked(fact: Customer.IdentifierLinked, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().add(fact.other)


@rule(Customer.IdentifierUnlinked)
def _unlinked(fact: Customer.IdentifierUnlinked, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().discard(fact.other)


@rule(Customer.ProbablyLinked)
def _likely(fact: Customer.ProbablyLinked, draft: Draft, at: int, tag_: int) -> None:
    draft.likely = _with(draft.likely, fact.other)


@rule(Customer.ProbablyUnlinked)
def _unlikely(fact: Customer.ProbablyUnlinked, draft: Draft, at: int, tag_: int) -> None:
    draft.likely = _without(draft.likely, fact.other)


@rule(Customer.ConfirmedSame)
def _confirmed(fact: Customer.ConfirmedSame, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().add(fact.other)
    draft.apart = _without(draft.apart, fact.other)


@rule(Customer.KeptApart)
def _kept_apart(fact: Customer.KeptApart, draft: Draft, at: int, tag_: int) -> None:
    draft.apart = _with(draft.apart, fact.other)


@rule(Customer.ApartEnded)
def _apart_ended(fact: Customer.ApartEnded, draft: Draft, at: int, tag_: int) -> None:
    draft.apart = _without(draft.apart, fact.other)


@rule(Customer.DetailsGiven)
def _details(fact: Customer.DetailsGiven, draft: Draft, at: int, tag_: int) -> None:
    draft.seen(fact, at, tag_)
    for name, value in _bands(fact.details, fact.occurred_at).items():
        draft.tell(name, value, at, tag_)


@rule(Customer.DetailsCorrected)
def _corrected(fact: Customer.DetailsCorrected, draft: Draft, at: int, tag_: int) -> None:
    """Beside what was told, which it outlasts. Staff corrected it: that tells nothing of when the person was there."""
    bands: dict[str, str | None] = dict.fromkeys(bands_of(fact.cleared), "")
    bands |= {name: value for name, value in _bands(fact.details, fact.occurred_at).items() if value}
    for name, value in bands.items():
        draft.correct(name, value or "", at, tag_)


@rule(Customer.LoyaltyJoined)
def _joined(fact: Customer.LoyaltyJoined, draft: Draft, at: int, tag_: int) -> None:
    draft.loyalty_at = min(at, draft.loyalty_at or at)
    draft.seen(fact, at, tag_)


@rule(Customer.ConsentGiven, Customer.ConsentWithdrawn)
def _consented(fact: Customer.ConsentGiven | Customer.ConsentWithdrawn, draft: Draft, at: int, tag_: int) -> None:
    given, medium = isinstance(fact, Customer.ConsentGiven), fact.medium.value if fact.medium else ""
    said = Consent(fact.purpose.value, medium, at, tag_, given, fact.basis.value, fact.policy_version)
    draft.consent = consents((*draft.consent, said))
    draft.seen(fact, at, tag_)


def _with(streams: tuple[UUID, ...], other: UUID) -> tuple[UUID, ...]:
    return tuple(sorted({*streams, other}))


def _without(streams: tuple[UUID, ...], other: UUID) -> tuple[UUID, ...]:
    return tuple(stream for stream in streams if stream != other)


def age_band(details: Details, when: datetime) -> str | None:
    """As it was then; None where no age was told."""
    age = details.age
    if details.birth_date is not None:
        born = tuple(int(part) for part in details.birth_date.split("-"))
        age = when.year - born[0] - ((when.month, when.day) < born[1:])
    return None if age is None else next((name for limit, name in AGE_BANDS if age < limit), "65+")


def bands_of(cleared: Iterable[str]) -> set[str]:
    """The bands that are made of these fields of ``Details``."""
    made_of = {"birth_date": "age_range", "age": "age_range", "gender": "gender"}
    made_of |= dict.fromkeys(("city", "region", "country"), "home")
    return {made_of[name] for name in cleared if name in made_of}


def _bands(details: Details, when: datetime) -> dict[str, str | None]:
    """Age band, gender and town: no name, street or date of birth."""
    band = age_band(details, when)
    home = ", ".join(part for part in (details.city, details.region or details.country) if part)
    return {"age_range": band, "gender": details.gender, "home": home or None}
