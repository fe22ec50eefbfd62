"""Whom an answer is for when servers are down, and what it waits for."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from commands.ports import UnavailableError
from domain.identity import Identifier, IdentifierKind
from queries.ports import Person, Shop
from queries.reader import Queries
from queries.recommend.ask import Wanted
from queries.whom import FRESH_S, Met, meet
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord
from readmodels.statistics import Statistics
from tests.queries.serving import recommender, shop_of

ONE, DECISION = UUID(int=1), UUID(int=9)
USER = Identifier(kind=IdentifierKind.USER, value="known")
SHOP = shop_of(
    {"A": Product("A", "Thing", "Skirts", None, None, None, 900, "USD", None, 5)},
    Statistics.of(("A",), (2,), ((),)),
)


class Servers:
    """Read models and a directory of one person, whose record has 4 events; any part may be down."""

    def __init__(self, missing: tuple[str, ...] = (), *, shop: bool = True, known: bool = True) -> None:
        self.missing, self.has_shop, self.known = missing, shop, known
        self.warm = False
        self.waited: list[float] = []
        self.asked = 0

    def peek(self, stream: UUID) -> Person | None:
        return self._person() if self.warm else None

    async def shop(self) -> Shop:
        if not self.has_shop:
            raise UnavailableError("down")
        return SHOP

    async def person(self, stream: UUID, *, patient: bool = False) -> tuple[Person, Shop]:
        self.asked += 1
        return self._person(), SHOP

    async def person_with(
        self, stream: UUID, reflects: Callable[[Person], bool], *, within_s: float
    ) -> tuple[Person, bool]:
        self.waited.append(within_s)
        return self._person(), reflects(self._person())

    async def find(self, identifier: Identifier, *, patient: bool = False) -> UUID | None:
        if "directory" in self.missing:
            raise UnavailableError("down")
        return ONE

    async def ready(self) -> str:
        return "ok"

    def _person(self) -> Person:
        streams = {ONE: CustomerRecord(version=4, kind="user")} if self.known else {}
        return Person(ONE, streams, tuple(m for m in self.missing if m != "directory"))


def met(servers: Servers, who: UUID | Identifier | None, min_version: int | None = None) -> Met:
    return asyncio.run(meet(servers, servers, who, min_version))


@pytest.mark.parametrize(
    ("servers", "who", "version", "degraded", "rung"),
    [
        (Servers(), ONE, 4, (), "full"),
        (Servers(), None, 0, (), "full"),
        (Servers(("redis",)), USER, 4, ("redis",), "cached"),
        (Servers(("redis", "postgres"), known=False), ONE, 0, ("redis", "postgres"), "popular"),
        (Servers(("directory",)), USER, 0, ("directory",), "popular"),
        (Servers(("directory",)), ONE, 4, (), "full"),
        (Servers(shop=False), ONE, 4, ("redis",), "cached"),
        (Servers(("redis", "postgres"), shop=False, known=False), ONE, 0, ("redis", "postgres"), "popular"),
    ],
)
def test_whoever_is_down_there_is_an_answer(
    servers: Servers, who: UUID | Identifier | None, version: int, degraded: tuple[str, ...], rung: str
) -> None:
    found = met(servers, who)
    assert (found.record.version, found.degraded, found.rung) == (version, degraded, rung)
    queries = Queries(servers, servers, [], None, recommender(DECISION))  # type: ignore[arg-type]
    answer = asyncio.run(queries.recommend(Wanted("home", 3), who))
    assert (answer.version, answer.degraded, answer.served) == (version, degraded, rung)
    assert [item.sku for item in answer.items] == (["A"] if servers.has_shop else [])
    assert dict(queries.degraded) == dict.fromkeys(degraded, 1)


def test_a_version_that_is_there_is_not_waited_for() -> None:
    servers = Servers()
    servers.warm = True
    assert (met(servers, ONE, 4).degraded, servers.waited, servers.asked) == ((), [], 0)
    assert (met(servers, ONE).degraded, servers.waited, servers.asked) == ((), [], 0)


def test_a_version_that_is_not_there_is_waited_for_and_then_told() -> None:
    servers = Servers()
    servers.warm = True
    found = met(servers, ONE, 5)
    assert (found.record.version, found.degraded, found.rung, servers.waited) == (4, ("stale",), "full", [FRESH_S])
    assert met(Servers(known=False), ONE, 1).degraded == ("stale",)
    assert met(Servers(), None, 1).degraded == ("stale",)
    assert met(Servers(), None, 0).degraded == ()


def test_a_profile_is_not_denied_while_nobody_can_tell() -> None:
    servers = Servers(("redis", "postgres"), known=False)
    queries = Queries(servers, servers, [], None, recommender(DECISION))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError):
        asyncio.run(queries.profile(ONE))
