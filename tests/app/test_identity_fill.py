"""The index of linking made at once from the log: the same as one by one, the command line, and after a kill."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.redis.identity import RedisIdentityIndex
from app.cli import bespoke
from app.identities import link as linking
from app.identities.index import index_of
from app.settings import Settings
from app.wiring import Wiring
from commands.identify import Identify
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from ml.identity.online import Touched
from tests.app.alike import ANNA, MAYBE, SAME, use_model
from tests.namespaces import namespace

PEOPLE = 20


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """People of whom some are alike, in two shards."""
    with namespace(settings, shards=2) as built:
        commands, at = [], datetime.now(UTC)
        for number in range(PEOPLE):
            base = ANNA.model_copy(update={"street": f"{number} Mill Lane", "birth_date": f"19{50 + number}-02-03"})
            alike = (ANNA, SAME, MAYBE)[number % 3]
            details = base.model_copy(update={"name": alike.name, "birth_date": alike.birth_date and base.birth_date})
            for kind, value in ((IdentifierKind.USER, f"u{number}"), (IdentifierKind.LOYALTY, f"L{number}")):
                who = (Identifier(kind=kind, value=value),)
                source = f"{kind} {number}"
                told: dict[str, Any] = {"source_id": source, "occurred_at": at, "channel": Channel.WEB}
                commands.append(Identify(identifiers=who, details=details, **told))
        built.bus().dispatch(commands)
        yield built


def snapshot(wiring: Wiring) -> dict[str, Any]:
    """What the index holds, less what is sealed."""
    client: Any = wiring.redis
    found: dict[str, Any] = {}
    for key in client.scan_iter(f"{wiring.settings.namespace}:identity:*"):
        kind, name = client.type(key), key.decode()
        if kind == b"set":
            found[name] = client.smembers(key)
        elif kind == b"zset":
            found[name] = sorted(client.zrange(key, 0, -1, withscores=True))
        elif kind == b"hash":
            fields = client.hgetall(key)
            names = {fields.get(b"keys", b"")[at : at + 16] for at in range(0, len(fields.get(b"keys", b"")), 16)}
            found[name] = names, fields.get(b"node"), {f: v for f, v in fields.items() if len(f) == 16}
        else:
            found[name] = client.get(key)
    return found


def test_made_at_once_it_is_what_it_was_one_by_one_and_records_nothing_twice(wiring: Wiring) -> None:
    model = use_model(wiring)
    by_one = linking.Linking(wiring, model)
    by_one._filled, by_one._made = True, False  # as if there were an index, and nothing in it
    by_one._index.begin()
    while not by_one.idle:
        by_one.step()
    before, heads = snapshot(wiring), [log.head() for log in wiring.customers]
    assert sum(name.endswith(":review") for name in before) == 1
    found = linking.fill(wiring)
    assert snapshot(wiring) == before
    assert (found.streams, found.compared, found.ties) == (2 * PEOPLE, 2 * PEOPLE, 0) and found.pairs > PEOPLE
    assert [log.head() for log in wiring.customers] == heads


def test_the_command_fills_an_empty_index_and_says_how_fast(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    use_model(wiring)
    for name, value in wiring.settings.environment().items():
        monkeypatch.setenv(name, value)

    def run() -> Any:
        result = CliRunner().invoke(bespoke, ["identity", "fill", "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    first, again = run(), run()
    assert first["ties"] > 0 and again["ties"] == 0
    assert first["records"] == again["records"] == 2 * PEOPLE and again["records_per_s"] > 0
    assert linking.link_all(wiring) == 0


def test_killed_while_it_is_made_it_is_made_again(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    model = use_model(wiring)

    def killed(self: Any, touched: Touched) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(linking.Linking, "_settle", killed)
        linking.link_all(wiring)
    assert not index_of(wiring, model.version).whole()
    assert linking.link_all(wiring) > 0
    assert index_of(wiring, model.version).whole()
    assert linking.link_all(wiring) == 0


def test_whoever_is_erased_while_it_is_made_is_in_no_block(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    use_model(wiring)
    gone = wiring.directory.find(Identifier(kind=IdentifierKind.USER, value="u0"))
    assert gone is not None
    joined = RedisIdentityIndex.join

    def erased(self: Any, names: Any) -> None:
        assert gone in names
        wiring.keyring.destroy([gone])
        joined(self, names)

    with monkeypatch.context() as patch:
        patch.setattr(RedisIdentityIndex, "join", erased)
        linking.fill(wiring)
    client: Any = wiring.redis
    blocks = list(client.scan_iter(f"{wiring.settings.namespace}:identity:*:block:*"))
    assert blocks and not any(client.sismember(block, gone.bytes) for block in blocks)
