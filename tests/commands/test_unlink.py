"""Links taken back through the bus."""

import pytest
from pydantic import ValidationError

from commands.identify import Identify, UnlinkIdentifier
from domain.identity import Identifier
from tests.commands.test_bus import House, base, view, who


def unlink(source: str, first: str, other: str) -> UnlinkIdentifier:
    return UnlinkIdentifier(**base(source, first), other=who(other), reason="a friend's address")


def test_what_is_named_as_the_same_cannot_be_told_apart_by_the_same_command() -> None:
    for names in (("user:42",), ("email:a@b.de", "user:42")):
        with pytest.raises(ValidationError) as refusal:
            UnlinkIdentifier(**base("1", *names), other=who("user:42"), reason="r")
        assert [error["loc"] for error in refusal.value.errors()] == [("other",)]
        assert "42" not in refusal.value.errors()[0]["msg"]


def test_a_link_that_is_none_is_not_taken_back() -> None:
    house = House()
    (outcome,) = house.bus.dispatch([unlink("1", "user:42", "email:a@b.de")])
    assert outcome.events == 0
    assert house.told("user:42") == house.told("email:a@b.de") == ["Opened"]


def test_unlinked_twice_is_once_and_a_redelivered_link_does_not_return() -> None:
    house = House()
    linked = Identify(**base("1", "user:42", "email:a@b.de"))
    taken = unlink("2", "email:a@b.de", "user:42")
    counts = [outcome.events for outcome in house.bus.dispatch([linked, taken, taken, linked])]
    assert counts == [2, 2, 0, 0]
    assert house.told("user:42") == ["Opened", "IdentifierLinked", "IdentifierUnlinked"]


def test_later_news_links_again() -> None:
    house = House()
    house.bus.dispatch([Identify(**base("1", "user:42", "email:a@b.de")), unlink("2", "user:42", "email:a@b.de")])
    assert house.another_bus().dispatch([view("3", "user:42", "email:a@b.de")])[0].events == 3
    assert house.told("email:a@b.de") == ["Opened", "IdentifierLinked", "IdentifierUnlinked", "IdentifierLinked"]


def test_the_first_by_precedence_is_linked_with_each_of_the_others_and_they_not_with_each_other() -> None:
    house = House(shards=2)
    names = ["device:d", "email:a@b.de", "loyalty:7", "user:42"]
    (outcome,) = house.bus.dispatch([Identify(**base("1", *names, "user:42"))])
    assert outcome.events == 6 and outcome.stream == house.directory[who("user:42")]
    events = {identifier: _links(house, identifier) for identifier in house.directory}
    assert {i.kind.value: sorted(kinds) for i, kinds in events.items()} == {
        "user": ["device", "email", "loyalty"],
        "device": ["user"],
        "email": ["user"],
        "loyalty": ["user"],
    }


def _links(house: House, identifier: Identifier) -> list[str]:
    stream = house.directory[identifier]
    events = house.shards[house.shards.index(house.bus.log_of(stream))].events[stream]  # type: ignore[arg-type]
    return [event.other_kind.value for event in events if hasattr(event, "evidence")]
