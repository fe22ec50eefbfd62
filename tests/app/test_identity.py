"""Persons found by what they told, from the command to the read model: linked, asked about, taken back, replayed."""

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from app.cli import bespoke
from app.identities import link as linking
from app.identities import model as training
from app.identities import replay as replaying
from app.identities import review as reviewing
from app.identities.index import index_of
from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from commands.browse import RecordView
from commands.identify import Identify
from domain.customer import Customer
from domain.event import Event
from domain.identity import Identifier
from domain.values import Channel, Details
from ml.identity.model import weight_of
from queries.review import NotAskedError, UnknownPairError, Verdict, pair_of
from tests.app.evaluation.test_identity import CITIES, FAMILY, GIVEN, STREETS
from tests.namespaces import namespace

pytestmark = pytest.mark.skipif(find_spec("splink") is None, reason="needs the extra 'identity'")
PEOPLE = 70


class Shop:
    """People who have an account each, and most a till record with a mistake in it."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.bus, self.sent = wiring, wiring.bus(), 0
        self.generation = folding.start_generation(wiring)
        chance = random.Random(3)
        self.details: dict[str, Details] = {}
        for number in range(PEOPLE):
            name = f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"
            born = f"{chance.randint(1940, 2004)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
            told = Details(
                name=name,
                birth_date=born,
                street=f"{chance.randint(1, 180)} {chance.choice(STREETS)}",
                city=chance.choice(CITIES),
                postcode=f"{chance.randint(10_000, 99_999)}",
            )
            self.details[f"user:u{number}"] = told
            self.details[f"loyalty:L{number}"] = mistaken(told, chance)
        self.tell(*self.details)

    def tell(self, *who: str, **changes: Any) -> None:
        commands = []
        for each in who:
            told = self.details[each].model_copy(update=changes)
            commands.append(Identify(**self.base(each), details=told))
        self.bus.dispatch(commands)

    def base(self, *who: str) -> dict[str, Any]:
        self.sent += 1
        found = tuple(identifier(each) for each in who)
        facts = {"source_id": f"m{self.sent}", "occurred_at": datetime.now(UTC), "channel": Channel.WEB}
        return facts | {"identifiers": found}

    def view(self, who: str, sku: str) -> None:
        self.bus.dispatch([RecordView(**self.base(who), sku=sku)])

    def stream(self, who: str) -> UUID:
        found = identifier(who)
        return self.wiring.directory.claim([found])[found]

    def link(self) -> int:
        count = linking.link_all(self.wiring)
        runners.catch_up(self.wiring, self.generation)
        return count

    def person(self, who: str) -> UUID:
        found = self.profile(who)
        assert isinstance(found.person_id, UUID)
        return found.person_id

    def profile(self, who: str) -> Any:
        async def ask() -> Any:
            reader = self.wiring.reader()
            try:
                return await self.wiring.queries(reader).profile(self.stream(who))
            finally:
                await reader.close()

        return asyncio.run(ask())

    def events(self, who: str, kind: type[Event]) -> list[Any]:
        stream = self.stream(who)
        log = self.wiring.bus().log_of(stream)
        return [event for _, events in log.streams([stream]) for event in events if isinstance(event, kind)]  # type: ignore[attr-defined]


def mistaken(told: Details, chance: random.Random) -> Details:
    text = list(told.name or "")
    at = chance.randrange(1, len(text) - 2)
    text[at], text[at + 1] = text[at + 1], text[at]
    return told.model_copy(update={"name": "".join(text)})


def identifier(who: str) -> Identifier:
    kind, _, value = who.partition(":")
    return Identifier.model_validate({"kind": kind, "value": value})


@pytest.fixture(scope="module")
def shop(servers: Wiring, settings: Settings) -> Iterator[Shop]:
    with namespace(settings, shards=2) as wiring:
        shop = Shop(wiring)
        training.from_log(wiring, lambda name: lambda done: None)
        yield shop


def test_what_people_told_makes_them_one_in_the_read_model_and_is_told_why(shop: Shop) -> None:
    shop.view("loyalty:L0", "A")
    assert shop.link() >= PEOPLE * 0.8
    together = [n for n in range(PEOPLE) if shop.person(f"user:u{n}") == shop.person(f"loyalty:L{n}")]
    assert len(together) >= PEOPLE * 0.8
    assert {view["sku"] for view in shop.profile("user:u0").real_time_context["recent_views"]} == {"A"}
    (event,) = shop.events("user:u0", Customer.ProbablyLinked)
    assert event.other == shop.stream("loyalty:L0") and event.model == training.in_use(shop.wiring).version
    assert event.weight >= weight_of(0.999) and {each.comparison for each in event.compared} >= {"given", "born"}
    assert shop.link() == 0, "and then it rests"


def test_details_that_are_corrected_part_them_and_bring_them_together_again(shop: Shop) -> None:
    shop.link()
    shop.tell("loyalty:L1", name="Zoe Quentin", birth_date="1911-01-31", postcode="99999", street="9 Elsewhere")
    shop.link()
    assert shop.person("user:u1") != shop.person("loyalty:L1")
    assert len(shop.events("user:u1", Customer.ProbablyUnlinked)) == 1
    shop.tell("loyalty:L1")
    shop.link()
    assert shop.person("user:u1") == shop.person("loyalty:L1")


def test_an_officer_parts_them_for_good_and_may_take_that_back(shop: Shop) -> None:
    shop.link()
    one, other = shop.stream("user:u2"), shop.stream("loyalty:L2")
    assert reviewing.reject(shop.wiring, one, other, "cli:ann", "two brothers")
    shop.link()
    assert shop.person("user:u2") != shop.person("loyalty:L2")
    shop.tell("loyalty:L2")
    shop.link()
    assert shop.person("user:u2") != shop.person("loyalty:L2")
    assert not reviewing.reject(shop.wiring, other, one, "cli:ann", "again")
    assert reviewing.accept(shop.wiring, one, other, "cli:ben", "one after all")
    shop.link()
    assert shop.person("user:u2") == shop.person("loyalty:L2")
    with pytest.raises(UnknownPairError):
        reviewing.accept(shop.wiring, one, UUID(int=7), "cli:ben", "who?")


def test_a_family_s_e_mail_address_chains_nobody(shop: Shop) -> None:
    family = "email:family@example.com"
    for who in ("user:u3", "user:u4"):
        shop.bus.dispatch([Identify(**shop.base(who, family))])
    shop.link()
    assert shop.person("user:u3") != shop.person("user:u4")
    assert shop.person(family) not in (shop.person("user:u3"), shop.person("user:u4"))


def test_pairs_in_the_grey_zone_are_asked_about_with_evidence(shop: Shop) -> None:
    less = ({"street": None, "postcode": None, "city": None}, {"birth_date": None, "street": None}, {"postcode": None})
    for number, update in enumerate(less):  # one person after another tells less and less
        for more in ({}, {"name": None}):
            who = f"user:grey{number}{len(more)}"
            shop.details[who] = shop.details[f"user:u{10 + number}"].model_copy(update=update | more)
            shop.tell(who)
    shop.link()
    mine = [q for q in reviewing.questions(shop.wiring, 100) if 0.5 <= q.probability < 0.999]
    assert mine and {each.comparison for each in mine[0].evidence} <= {
        "given",
        "surname",
        "born",
        "place",
        "number",
        "street",
    }
    desk, (one, other) = reviewing.ReviewDesk(shop.wiring), pair_of(mine[0].id)
    assert desk.decide(one, other, Verdict.KEEP_APART, by="key:desk", reason="no")
    with pytest.raises(NotAskedError):
        desk.decide(one, other, Verdict.LINK, by="key:desk", reason="or yes")
    with pytest.raises(UnknownPairError):
        desk.decide(one, UUID(int=7), Verdict.LINK, by="key:desk", reason="who?")
    shop.link()
    left = [(q.one, q.other) for q in desk.questions(100)]
    assert (mine[0].one, mine[0].other) not in left


def test_another_threshold_is_tried_without_writing(shop: Shop) -> None:
    shop.link()
    heads = [log.head() for log in shop.wiring.customers]
    step = lambda name: lambda done: None  # noqa: E731
    same = replaying.replay(shop.wiring, 0.999, step)
    assert (same.gone, same.new) == ((), ()) and same.persons_before == same.persons_after
    strict = replaying.replay(shop.wiring, 1 - 1e-12, step)
    assert strict.persons_after > strict.persons_before and strict.gone
    assert [log.head() for log in shop.wiring.customers] == heads


def test_a_lost_index_is_made_again_and_records_nothing_twice(shop: Shop) -> None:
    shop.link()
    heads = [log.head() for log in shop.wiring.customers]
    before = {n: shop.person(f"user:u{n}") for n in range(PEOPLE)}
    for key in shop.wiring.redis.scan_iter(f"{shop.wiring.settings.namespace}:identity:*"):
        shop.wiring.redis.delete(key)
    assert shop.link() == 0
    assert [log.head() for log in shop.wiring.customers] == heads
    assert {n: shop.person(f"user:u{n}") for n in range(PEOPLE)} == before


def test_nothing_that_was_told_lies_in_redis(shop: Shop) -> None:
    shop.link()
    names = {word.lower() for told in shop.details.values() for word in (told.name or "").split() if len(word) > 3}
    client: Any = shop.wiring.redis
    looked = 0
    for key in client.scan_iter(f"{shop.wiring.settings.namespace}:identity:*"):
        looked += 1
        kind = client.type(key)
        parts = {b"hash": client.hgetall, b"set": client.smembers, b"string": client.get}.get(kind, lambda k: b"")(key)
        text = (bytes(key) + repr(parts).encode()).decode(errors="replace").lower()
        assert not [name for name in names if name in text]
    assert looked > PEOPLE


def test_the_stream_of_a_destroyed_key_is_forgotten_by_the_index(shop: Shop) -> None:
    shop.link()
    index = index_of(shop.wiring, training.in_use(shop.wiring).version)
    stream = shop.stream("loyalty:L6")
    names = index.keys_of([stream])[stream]
    assert any(stream in block for block in index.members(names, 100).values())
    index.forget([stream])
    assert not index.nodes([stream]) and not index.keys_of([stream])
    assert not any(stream in block for block in index.members(names, 100).values())
    assert not any(stream in found for found in index.edges([shop.stream("user:u6")]).values())


def test_the_command_line(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = shop.wiring.settings
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Any:
        result = CliRunner().invoke(bespoke, ["identity", *words, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    one, other = str(shop.stream("user:u8")), str(shop.stream("loyalty:L8"))
    assert run("unlink", one, other, "--reason", "two people")["recorded"] is True
    assert run("link")["ties"] >= 0
    assert run("review", "accept", one, other, "--reason", "after all")["recorded"] is True
    assert run("review", "list", "--details")["pairs"] is not None
    assert run("replay", "--threshold", "0.9")["streams"] > PEOPLE
    assert len(run("train", "--from-log")["version"]) == 16
