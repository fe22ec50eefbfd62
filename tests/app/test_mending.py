"""Links of which only one side was recorded, because the writer died between two shards, are made whole."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.settings import Settings
from app.sharding.mending import mend
from app.wiring import Wiring
from commands.command import Command
from commands.identify import Identify, UnlinkIdentifier
from domain.identity import Identifier, IdentifierKind
from domain.sharding import shard_of
from domain.values import Channel
from tests.namespaces import namespace

SHARDS = 4
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def sharded(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """A provisioned namespace of several shards, dropped afterwards."""
    with namespace(settings, shards=SHARDS) as built:
        yield built


def base(source: str) -> dict[str, Any]:
    """What all commands have."""
    return {"source_id": source, "occurred_at": NOW, "channel": Channel.WEB}


def pair(wiring: Wiring) -> list[Identifier]:
    """Two identifiers whose streams are open, and in two shards."""
    found: list[Identifier] = []
    for number in range(100):
        identifier = Identifier(
            kind=IdentifierKind.USER if number % 2 else IdentifierKind.EMAIL, value=f"i{number}@x.example"
        )
        shards = {shard_of(stream_of(wiring, i), SHARDS) for i in (identifier, *found)}
        if len(shards) > len(found):
            found.append(identifier)
            wiring.bus().dispatch([Identify(**base(f"open-{number}"), identifiers=(identifier,))])
        if len(found) == 2:
            return found
    raise AssertionError("no two shards")


def stream_of(wiring: Wiring, identifier: Identifier) -> UUID:
    """The identifier's stream."""
    (stream,) = wiring.directory.claim([identifier]).values()
    return stream


def die_after_one(wiring: Wiring, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    """Dispatches, and the second shard's transaction does not come to pass."""
    saves: list[object] = []
    for log in wiring.customers:

        def save(aggregates: Any, progress: Any = None, save: Any = log.save) -> int:
            saves.append(aggregates)
            if len(saves) == 2:
                raise MemoryError("as if killed")
            return int(save(aggregates, progress))

        monkeypatch.setattr(log, "save", save)
    with pytest.raises(MemoryError):
        wiring.bus().dispatch([command])
    monkeypatch.undo()


def linked(wiring: Wiring, identifiers: list[Identifier]) -> list[bool]:
    """Whether each of two says that it is one with the other."""
    one, other = (stream_of(wiring, identifier) for identifier in identifiers)
    return [
        there in wiring.customers[shard_of(here, SHARDS)].load([here])[here].linked
        for here, there in ((one, other), (other, one))
    ]


def test_a_link_of_one_side_is_made_whole(sharded: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    both = pair(sharded)
    link = Identify(**base("link"), identifiers=tuple(both))
    die_after_one(sharded, monkeypatch, link)
    assert sorted(linked(sharded, both)) == [False, True]
    assert mend(sharded) == 1
    assert linked(sharded, both) == [True, True]
    assert mend(sharded) == 0
    (again,) = sharded.bus().dispatch([link])
    assert again.events == 0


def test_an_unlink_of_one_side_is_made_whole(sharded: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    both = pair(sharded)
    sharded.bus().dispatch([Identify(**base("link"), identifiers=tuple(both))])
    unlink = UnlinkIdentifier(**base("unlink"), identifiers=(both[0],), other=both[1], reason="shared")
    die_after_one(sharded, monkeypatch, unlink)
    assert sorted(linked(sharded, both)) == [False, True]
    assert mend(sharded) == 1
    assert linked(sharded, both) == [False, False]
    (again,) = sharded.bus().dispatch([unlink])
    assert (again.events, linked(sharded, both)) == (0, [False, False])


def test_whole_links_are_left_alone(sharded: Wiring) -> None:
    both = pair(sharded)
    for turn in range(2):
        sharded.bus().dispatch([Identify(**base(f"link-{turn}"), identifiers=tuple(both))])
        assert mend(sharded) == 0
        sharded.bus().dispatch(
            [UnlinkIdentifier(**base(f"unlink-{turn}"), identifiers=(both[0],), other=both[1], reason="shared")]
        )
        assert mend(sharded) == 0
    assert linked(sharded, both) == [False, False]
