"""Identifier → stream: from process, Redis or PostgreSQL; with either of them down; and forgotten everywhere."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from adapters.directory import PostgresDirectory
from adapters.directory.finding import Finding, Waits
from adapters.directory.remembered import Remembered, key_of, pseudonym_of
from adapters.postgres import Database
from adapters.redis.tracked import Tracked
from app.wiring import Wiring
from commands.ports import UnavailableError
from domain.identity import Identifier, IdentifierKind
from tests.app.looking import until, wait_for

SECRET = b"s" * 32
NOWHERE = "host=127.0.0.1 port=1 dbname=none connect_timeout=1"
PERSON, OTHER = (Identifier(kind=IdentifierKind.USER, value=f"canary-{n}") for n in range(2))
WAITS = Waits(redis_s=2.0, postgres_s=5.0)


class House:
    """A directory with its cache, and others that remember nothing of their own."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.name, self.redis = wiring, wiring.settings.namespace, wiring.redis
        self.database, self.down = Database(wiring._url("directory")), Database(NOWHERE, timeout=0.2)
        self.remembered = Remembered(lambda: wiring.redis, self.name)
        self.directory = self.fresh()

    def fresh(self, *, down: bool = False) -> PostgresDirectory:
        database = self.down if down else self.database
        return PostgresDirectory(database, SECRET, cached=self.remembered)

    def claimed(self, identifier: Identifier = PERSON) -> UUID:
        """Its stream, when Redis has it too."""
        stream = self.directory.claim([identifier])[identifier]
        wait_for(lambda: self.stored(identifier) == stream.bytes)
        return stream

    def stored(self, identifier: Identifier = PERSON) -> Any:
        return self.redis.get(key_of(self.name, self.directory.pseudonym(identifier)))

    def ask(self, look: Callable[[Finding], Awaitable[None]], *, down: bool = False, url: str | None = None) -> None:
        async def go() -> None:
            tracked = Tracked(url or self.wiring.redis_url)
            try:
                await tracked.start(1.0)
                await look(Finding(self.fresh(down=down), tracked, self.name, WAITS))
            finally:
                await tracked.close()

        asyncio.run(go())


@pytest.fixture
def house(wiring: Wiring) -> Iterator[House]:
    made = House(wiring)
    yield made
    made.remembered.close()
    made.database.close()
    made.down.close()


def test_what_is_claimed_is_in_redis_by_its_hmac_alone_and_goes_after_a_while(house: House) -> None:
    stream = house.claimed()
    (key,) = house.redis.keys(f"{house.name}:identifier:*")
    assert house.redis.get(key) == stream.bytes
    assert 6 * 86_400 < house.redis.ttl(key) <= 7 * 86_400
    pseudonym = house.directory.pseudonym(PERSON)
    assert pseudonym_of(key) == pseudonym
    assert b"canary" not in key and b"canary" not in base64.urlsafe_b64decode(key.rpartition(b":")[2] + b"=")


def test_it_is_found_without_postgresql_and_then_without_redis_too(house: House) -> None:
    stream = house.claimed()

    async def look(finding: Finding) -> None:
        assert [await finding.find(PERSON) for _ in range(3)] == [stream] * 3
        assert (finding.misses, finding.hits) == (1, 2)
        with pytest.raises(UnavailableError):
            await finding.find(OTHER)

    house.ask(look, down=True)


def test_it_is_found_without_redis(house: House) -> None:
    stream = house.claimed()

    async def look(finding: Finding) -> None:
        assert [await finding.find(PERSON), await finding.find(OTHER)] == [stream, None]

    house.ask(look, url="redis://127.0.0.1:1/0")


def test_a_wiped_redis_has_it_again_after_it_was_asked_for(house: House) -> None:
    stream = house.claimed()
    house.redis.delete(key_of(house.name, house.directory.pseudonym(PERSON)))

    async def look(finding: Finding) -> None:
        assert await finding.find(PERSON) == stream

    house.ask(look)
    wait_for(lambda: house.stored() == stream.bytes)


def test_who_is_forgotten_is_forgotten_by_every_process(house: House) -> None:
    stream = house.claimed()

    async def look(finding: Finding) -> None:
        assert [await finding.find(PERSON) for _ in range(2)] == [stream] * 2
        await asyncio.to_thread(house.directory.forget, [PERSON])

        async def forgotten() -> bool:
            return await finding.find(PERSON) is None

        await until(forgotten)

    house.ask(look)
    house.remembered.put({house.directory.pseudonym(PERSON): stream})  # of somebody who looked just before
    house.remembered.close()
    assert house.stored() == b""
    assert house.fresh().claim([PERSON])[PERSON] != stream


def test_a_redis_that_is_down_costs_a_claim_nothing(house: House) -> None:
    def no_client() -> Any:
        raise UnavailableError("down")

    remembered = Remembered(no_client, house.name)
    directory = PostgresDirectory(house.database, SECRET, cached=remembered)
    assert len(directory.claim([PERSON, OTHER])) == 2
    remembered.close()
    with pytest.raises(UnavailableError):
        directory.forget([PERSON])
    assert directory.find(PERSON) is None
