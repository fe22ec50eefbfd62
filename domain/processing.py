"""What personal data is processed for: the record of processing activities (Art. 30 GDPR), said on the event classes.

Each event class about a person names, under ``USES``, what each of its fields is used for. A field that is in none of
them does not import, so the build fails. docs/record-of-processing.md is generated from this.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from domain.values import LawfulBasis, Purpose


class Use(NamedTuple):
    """``category`` of data, what it is for in words, the purposes that the person may refuse, and the basis in law
    (Art. 6(1)) on which it is processed at all."""

    category: str
    why: str
    basis: LawfulBasis
    purposes: tuple[Purpose, ...] = ()


_SERVED = (Purpose.PERSONALISATION, Purpose.PROFILING, Purpose.TRAINING)
_INTEREST = LawfulBasis.LEGITIMATE_INTEREST


class Uses(Enum):
    """Each use that there is. A field belongs to one."""

    IDENTITY = Use("identifiers", "to know a person again in every channel, and to find them when they ask", _INTEREST)
    LINKS = Use("links between identifiers", "to bring one person's streams together, and to part them", _INTEREST)
    DETAILS = Use("details a person gave", "to know a person again; age and region in bands for segments", _INTEREST)
    LOYALTY = Use("loyalty membership", "to keep the loyalty programme", LawfulBasis.CONTRACT)
    VISITS = Use("visits", "to know how visitors come, on which devices and from where", _INTEREST, _SERVED)
    INTERESTS = Use("views and searches", "to recommend what fits, and to learn what fits whom", _INTEREST, _SERVED)
    CARTS = Use("carts and checkouts", "to recommend what goes with a cart, and not what is in it", _INTEREST, _SERVED)
    BOOKS = Use("order and payment ledger", "to keep the books", LawfulBasis.LEGAL_OBLIGATION)
    GOODS = Use(
        "goods bought and returned", "to fulfil and take back orders; then to recommend", LawfulBasis.CONTRACT, _SERVED
    )
    CHOICES = Use(
        "consents and objections", "to do only what was agreed to, and to prove it", LawfulBasis.LEGAL_OBLIGATION
    )
    EXPOSURE = Use(
        "recommendations and experiments met", "to measure what recommendations are worth", _INTEREST, _SERVED
    )
    RIGHTS = Use(
        "requests under data protection law", "to answer them in time, and to prove it", LawfulBasis.LEGAL_OBLIGATION
    )
    ORDERING = Use("time, channel and origin of an event", "to put events in order, and to count each once", _INTEREST)


FieldUses = Mapping[str, Uses]


def uses(**fields: str) -> FieldUses:
    """Field → use, from ``use=names of its fields``. Raises KeyError for a use there is none of, ValueError for a field
    that is named twice."""
    found: dict[str, Uses] = {}
    for use, names in fields.items():
        for name in names.split():
            if name in found:
                raise ValueError(f"{name} has two uses")
            found[name] = Uses[use.upper()]
    return found
