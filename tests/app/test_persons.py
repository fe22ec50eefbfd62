"""Persons as they become known, and as links are taken back, from the channel to the answer."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.intake import take
from app.projecting import folding, lifecycle, runners
from app.wiring import Wiring
from commands.identify import UnlinkIdentifier
from domain.identity import Identifier
from domain.values import Channel
from queries.answers import Profile


class Shop:
    """Sends Segment calls and looks at profiles."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.bus, self.sent = wiring, wiring.bus(), 0
        self.generation = folding.start_generation(wiring)

    def send(self, kind: str, **fields: Any) -> None:
        self.sent += 1
        message = {"type": kind, "messageId": f"m{self.sent}", **fields}
        take(self.bus, self.wiring.channels()["segment"], {}, json.dumps(message).encode())
        runners.catch_up(self.wiring, self.generation)

    def view(self, sku: str, **who: str) -> None:
        self.send("track", event="Product Viewed", properties={"sku": sku}, **who)

    def unlink(self, one: Identifier, other: Identifier) -> None:
        facts: dict[str, Any] = {"source_id": "unlink", "occurred_at": datetime.now(UTC), "channel": Channel.SERVICE}
        self.bus.dispatch([UnlinkIdentifier(identifiers=(one,), other=other, reason="wrong", **facts)])
        runners.catch_up(self.wiring, self.generation)

    def profile(self, identifier: Identifier) -> Profile:
        async def ask() -> Profile | None:
            reader = self.wiring.reader()
            try:
                queries = self.wiring.queries(reader)
                stream = await queries.find(identifier)
                return await queries.profile(stream) if stream else None
            finally:
                await reader.close()

        found = asyncio.run(ask())
        assert found is not None
        return found

    def viewed(self, identifier: Identifier) -> set[str]:
        return {view["sku"] for view in self.profile(identifier).real_time_context["recent_views"]}


@pytest.fixture
def shop(wiring: Wiring) -> Shop:
    return Shop(wiring)


def who(kind: str, value: str) -> Identifier:
    return Identifier.model_validate({"kind": kind, "value": value})


ANN, BEN = who("user", "ann"), who("user", "ben")
PHONE, TABLET = who("anonymous", "phone"), who("anonymous", "tablet")


def test_what_an_anonymous_visitor_did_is_known_after_login(shop: Shop) -> None:
    shop.view("A", anonymousId="phone")
    assert shop.profile(PHONE).identity_graph == {"anonymous": ["phone"]}
    shop.view("B", anonymousId="phone", userId="ann")
    assert shop.viewed(ANN) == {"A", "B"}
    assert shop.profile(PHONE).person_id == shop.profile(ANN).person_id
    assert shop.profile(ANN).identity_graph == {"user": ["ann"], "anonymous": ["phone"]}


def test_the_same_e_mail_joins_two_accounts_and_a_loyalty_card(shop: Shop) -> None:
    shop.send("identify", userId="ann", traits={"email": "Ann@Example.com"})
    shop.send("identify", userId="ben", traits={"email": "ann@example.com ", "loyalty_id": "L-7"})
    shop.view("A", userId="ann")
    assert shop.viewed(who("loyalty", "L-7")) == {"A"}
    assert shop.profile(BEN).person_id == shop.profile(ANN).person_id


def test_a_shared_tablet_makes_nobody_one(shop: Shop) -> None:
    shop.view("A", anonymousId="tablet", userId="ann")
    assert shop.profile(TABLET).person_id == shop.profile(ANN).person_id
    shop.view("B", anonymousId="tablet", userId="ben")
    shop.view("C", anonymousId="tablet")
    assert (shop.viewed(ANN), shop.viewed(BEN), shop.viewed(TABLET)) == ({"A"}, {"B"}, {"C"})


def test_a_link_that_is_taken_back_parts_them_and_rewrites_nothing(shop: Shop) -> None:
    shop.view("A", userId="ann")
    shop.send("identify", userId="ann", traits={"email": "a@example.com"})
    shop.send("identify", userId="ben", traits={"email": "a@example.com"})
    shop.view("B", userId="ben")
    assert shop.viewed(ANN) == shop.viewed(BEN) == {"A", "B"}

    shop.unlink(BEN, who("email", "a@example.com"))
    assert (shop.viewed(ANN), shop.viewed(BEN)) == ({"A"}, {"B"})

    before = {identifier: shop.profile(identifier) for identifier in (ANN, BEN)}
    lifecycle.rebuild_all(shop.wiring)
    assert {identifier: shop.profile(identifier) for identifier in (ANN, BEN)} == before
