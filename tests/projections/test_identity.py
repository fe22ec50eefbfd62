"""The fold of linking: by event time, corrections outlast what is told, an erased stream leaves nothing."""

from datetime import timedelta
from uuid import UUID

from domain.customer import Customer
from domain.identity import IdentifierKind
from domain.values import Details
from ml.identity.fields import PLACE
from ml.identity.online import compared_in
from projections.identity import fold
from readmodels.identity import Entry, Secret
from tests.ml.identity.test_online import START, World

K = IdentifierKind


def given(world: World, who: int = 0, minutes: float = 0, **details: str) -> None:
    at = START + timedelta(days=1, minutes=minutes)
    world.add(who, Customer.DetailsGiven, details=Details(**details), occurred_at=at)


def value(world: World, column: str, who: int = 0) -> str | None:
    entries = world.entries()
    record = compared_in(entries[world.ids[who]], entries).secret.compared
    found = record[PLACE[column]] if record else None
    return found.decode() if found else None


def test_what_was_said_last_counts_whenever_it_was_recorded() -> None:
    world = World([K.USER])
    given(world, minutes=5, city="Rome", name="Ann Miller")
    given(world, minutes=1, city="Bern", postcode="10115")
    assert (value(world, "city"), value(world, "postcode"), value(world, "surname")) == ("rome", "10115", "miller")


def test_a_correction_outlasts_what_channels_tell_later() -> None:
    world = World([K.USER])
    given(world, birth_date="1980-01-01", city="Rome")
    right = {"details": Details(birth_date="1981-01-01"), "cleared": ("city",), "by": "officer", "reason": "asked"}
    world.add(0, Customer.DetailsCorrected, **right)
    given(world, minutes=9, birth_date="1980-01-01", city="Rome")
    assert (value(world, "born"), value(world, "city")) == ("19810101", None)


def test_contacts_are_compared_with_the_account_they_are_linked_to_and_devices_are_not() -> None:
    world = World([K.USER, K.EMAIL, K.DEVICE])
    given(world, name="Ann Miller")
    world.both(0, 1, Customer.IdentifierLinked, evidence="Identify")
    world.both(0, 2, Customer.IdentifierLinked, evidence="Identify")
    assert value(world, "email") == "anna@example.com"
    assert world.entries()[world.ids[0]].node.linked == (world.ids[1],)
    assert value(world, "email", 2) is None


def test_an_erased_stream_leaves_nothing_and_redelivery_changes_nothing() -> None:
    world = World([K.USER])
    given(world, name="Ann Miller")
    entry = world.entries()[world.ids[0]]
    assert fold(entry, world.events[world.ids[0]]) == entry
    world.add(0, Customer.CustomerErased, request=UUID(int=9))
    gone = world.entries()[world.ids[0]]
    assert gone.node.gone and gone.secret == Secret() and gone != Entry()
