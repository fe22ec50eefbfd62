"""What a person told about themselves, as it was corrected. Pure; the result depends on no order of arrival."""

from collections.abc import Iterable

from domain.customer import Customer
from domain.event import Event
from domain.values import Details
from projections.moment import millis, tag

Told = Customer.DetailsGiven | Customer.DetailsCorrected
#: Corrections count before what channels tell, whenever either was said; then the latest.
When = tuple[bool, int, int]


def details(events: Iterable[Event]) -> dict[str, object]:
    """Field of ``Details`` → the value that stands; fields of which nothing is known are left out."""
    found: dict[str, tuple[When, object]] = {}
    for event in events:
        if isinstance(event, Told):
            corrected = isinstance(event, Customer.DetailsCorrected)
            when = (corrected, millis(event.occurred_at), tag(event.source_id))
            for name, value in _said(event):
                if name not in found or when >= found[name][0]:
                    found[name] = when, value
    return {name: found[name][1] for name in Details.model_fields if name in found and found[name][1] is not None}


def _said(event: Told) -> Iterable[tuple[str, object]]:
    for name, value in event.details.__dict__.items():
        if value is not None:
            yield name, value
    if isinstance(event, Customer.DetailsCorrected):
        for name in event.cleared:
            yield name, None
