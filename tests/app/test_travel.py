"""Time travel from the till to the answer: through HTTP and the command line, over a real log of several shards."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from adapters.http import Access, ApiKeys, Scope, create_app, generate
from adapters.http.writer import BusWriter
from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from commands.stock import ListProduct
from domain.identity import Identifier
from queries.answers import Profile
from queries.moment import Moment
from queries.travel import Snapshot, travel
from readmodels.customer import combine, encode
from tests.app.test_any_order import DELIVERIES, identifiers, send
from tests.app.test_cli import answered, bespoke, refused
from tests.namespaces import namespace

SHARDS = 3
KEY, KEPT = generate(list(Scope))
TILL = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/xml"}
RECEIPT = """<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/"><Transaction>
<RetailStoreID>9</RetailStoreID><WorkstationID>1</WorkstationID><SequenceNumber>{number}</SequenceNumber>
<BusinessDayDate>{at:%Y-%m-%d}</BusinessDayDate><EndDateTime>{at:%Y-%m-%dT%H:%M:%S}Z</EndDateTime>
<CurrencyCode>EUR</CurrencyCode><RetailTransaction><LineItem>{line}</LineItem>
<LineItem><LoyaltyAccount><LoyaltyID>L-7</LoyaltyID></LoyaltyAccount></LineItem>
<Total TotalType="TransactionGrandAmount">{amount}</Total></RetailTransaction></Transaction></POSLog>"""
JSON = {"Content-Type": "application/json"}
SALE = """<Sale><ItemID>{sku}</ItemID><MerchandiseHierarchy Level="Department">Coats</MerchandiseHierarchy>
<RegularSalesUnitPrice>{amount}</RegularSalesUnitPrice><ExtendedAmount>{amount}</ExtendedAmount><Quantity>1</Quantity>
</Sale>"""
RETURN = """<Return><ItemID>{sku}</ItemID><ExtendedAmount>{amount}</ExtendedAmount><Quantity>1</Quantity></Return>"""
CARD = Identifier.model_validate({"kind": "loyalty", "value": "L-7"})
TICK = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def ago(days: float) -> datetime:
    return now() - timedelta(days=days)


@pytest.fixture
def sharded(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """A provisioned namespace of several shards, dropped afterwards."""
    with namespace(settings, shards=SHARDS) as built:
        yield built


class Shop:
    """The web process in this one, with what a test sends and asks."""

    def __init__(self, wiring: Wiring, client: TestClient[Litestar]) -> None:
        self.wiring, self.client, self.receipts = wiring, client, 0

    def sell(self, days_ago: float, amount: str, sku: str = "COAT-7", line: str = SALE) -> datetime:
        """A receipt of the loyalty card, uploaded now; a time by which it is known."""
        self.receipts += 1
        told = {"number": self.receipts, "at": ago(days_ago), "amount": amount}
        body = RECEIPT.format(line=line.format(sku=sku, amount=amount), **told)
        sent = self.client.post("/v1/pos/poslog", content=body.encode(), headers=TILL)
        assert sent.status_code == 200, sent.text
        return now()

    def segment(self, kind: str, **fields: Any) -> datetime:
        """A call by which somebody is known or does something; a time by which it is known."""
        sent = self.client.post(f"/v1/{kind}", json={"messageId": str(uuid4()), **fields}, headers=TILL | JSON)
        assert sent.status_code == 200, sent.text
        return now()

    def ask(self, path: str = "", who: Identifier = CARD, **when: datetime) -> tuple[int, Any]:
        """A customer, or with ``/events`` what they did."""
        stream = self.wiring.directory.find(who)
        times = {name: at.isoformat() for name, at in when.items()}
        got = self.client.get(f"/v1/customers/{stream}{path}", params=times, headers=TILL)
        return got.status_code, got.json()

    def spent(self, **when: datetime) -> tuple[int, str]:
        """How many orders, and what was paid less what went back."""
        status, profile = self.ask(**when)
        assert status == 200, profile
        return profile["behavior"]["order_count"], profile["behavior"]["lifetime_value"].get("EUR", "0.00")


@pytest.fixture
def shop(sharded: Wiring) -> Iterator[Shop]:
    reader, writer = sharded.reader(), BusWriter(sharded.bus())
    app = create_app(writer, sharded.queries(reader), sharded.channels(), Access(ApiKeys([KEPT])), audit=sharded.audit)
    app.on_shutdown.append(reader.close)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Shop(sharded, client)
    writer.close()


def test_a_late_till_upload_and_a_refund_count_from_when_they_were_known(shop: Shop) -> None:
    early = shop.sell(10, "100.00")
    late = shop.sell(3, "40.00")
    back = shop.sell(2, "15.00", line=RETURN)

    assert shop.spent(known_at=early) == (1, "100.00")
    assert shop.spent(known_at=late) == (2, "140.00")
    assert shop.spent(known_at=back) == shop.spent(as_of=now()) == (2, "125.00")
    assert shop.spent(as_of=ago(4)) == (1, "100.00")
    assert shop.spent(as_of=ago(2.5)) == (2, "140.00"), "it had happened, though nobody knew yet"
    assert shop.spent(as_of=ago(2.5), known_at=early) == (1, "100.00"), "which was reported then"
    assert shop.spent(as_of=ago(4), known_at=late) == (1, "100.00")

    status, events = shop.ask("/events", as_of=ago(2.5), known_at=early)
    assert (status, [event["name"] for event in events["events"]]) == (
        200,
        ["customer.order_placed", "customer.opened"],
    )
    _, profile = shop.ask(as_of=ago(2.5), known_at=early)
    assert profile["version"] == len(events["events"])
    assert profile["status"] == "known"
    assert datetime.fromisoformat(profile["known_at"]) == early


def test_nobody_was_known_before(shop: Shop) -> None:
    shop.sell(3, "40.00")
    for path in ("", "/events"):
        for when in ({"as_of": ago(4)}, {"known_at": ago(2)}, {"as_of": ago(1), "known_at": ago(1)}):
            status, problem = shop.ask(path, **when)
            assert (status, problem["field"]) == (404, "person_id")
            assert "at that time" in problem["reason"]


def test_who_is_one_person_is_as_it_was_known(shop: Shop) -> None:
    """Ann looks around, and signs in as the holder of the card later; the link is dated back, and counts from now."""
    ann = Identifier.model_validate({"kind": "user", "value": "ann"})
    shop.sell(3, "40.00")
    viewed = {"event": "Product Viewed", "properties": {"sku": "HAT"}, "timestamp": ago(2).isoformat()}
    before = shop.segment("track", userId="ann", **viewed)
    traits = {"email": "ann@canary.example", "loyalty_id": "L-7"}
    after = shop.segment("identify", userId="ann", traits=traits, timestamp=ago(5).isoformat())
    mail = Identifier.model_validate({"kind": "email", "value": "ann@canary.example"})

    apart, together = (shop.ask(who=ann, known_at=at)[1] for at in (before, after))
    assert apart["identity_graph"] == {"user": ["ann"]} and apart["behavior"]["order_count"] == 0
    assert together["identity_graph"] == {"email": ["ann@canary.example"], "loyalty": ["L-7"], "user": ["ann"]}
    assert together["behavior"]["order_count"] == 1
    assert {shop.ask(who=who, known_at=after)[1]["person_id"] for who in (ann, CARD, mail)} == {together["person_id"]}
    assert shop.ask(who=ann, as_of=ago(4), known_at=before)[0] == 404, "she had not been seen yet"
    assert shop.ask(who=ann, as_of=ago(4), known_at=after)[1]["identity_graph"] == together["identity_graph"]
    assert shop.ask(who=mail, known_at=before)[0] == 404


def test_titles_and_prices_are_those_of_then(shop: Shop) -> None:
    bus = shop.wiring.bus()
    for days, title, category in ((9, "Old coat", "Coats"), (1, "SALE coat", "Sale")):
        facts = {"occurred_at": ago(days), "title": title, "category": category}
        bus.dispatch([ListProduct(sku="COAT-7", source_id=title, **facts)])
    for days in (4, 0.5):
        what = {"event": "Product Viewed", "properties": {"sku": "COAT-7"}, "timestamp": ago(days).isoformat()}
        known = shop.segment("track", userId="ann", **what)
    ann = partial(shop.ask, who=Identifier.model_validate({"kind": "user", "value": "ann"}))
    then, today = ann(as_of=ago(3))[1], ann(known_at=known)[1]
    assert [view["title"] for view in then["real_time_context"]["recent_views"]] == ["Old coat"]
    assert {view["title"] for view in today["real_time_context"]["recent_views"]} == {"SALE coat"}
    assert (then["behavior"]["favorite_categories"], today["behavior"]["favorite_categories"]) == (["Coats"], ["Sale"])


def test_the_command_line_tells_the_same(shop: Shop) -> None:
    early = shop.sell(10, "100.00")
    shop.sell(3, "40.00")
    show = partial(bespoke, "customer", "show", "loyalty:L-7", settings=shop.wiring.settings)
    moment = {"as_of": ago(1), "known_at": early}
    options = [text for name, at in moment.items() for text in (f"--{name.replace('_', '-')}", at.isoformat())]
    found = answered(show("--json", *options))
    assert found["profile"] == shop.ask(**moment)[1]
    assert found["events"] == shop.ask("/events", **moment)[1]["events"]
    assert found["profile"]["behavior"]["lifetime_value"] == {"EUR": "100.00"}

    day = ago(3).date().isoformat()
    assert '"order_count": 2' in show("--as-of", day).stdout, "a date is the whole day"
    yesterday = (ago(3).date() - timedelta(days=1)).isoformat()
    assert '"order_count": 1' in show("--as-of", yesterday).stdout
    assert refused(show("--known-at", yesterday)) == "nobody is known by that at that time"
    for option in ("--as-of", "--known-at"):
        wrong = show(option, "2026-03-01T12:00:00 canary")
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert option in wrong.stderr and "canary" not in wrong.stderr and "Traceback" not in wrong.stderr


def test_an_erased_customer_is_erased_at_every_moment(shop: Shop, settings: Settings) -> None:
    shop.sell(10, "100.00")
    back = shop.sell(2, "15.00", line=RETURN)
    stream = shop.wiring.directory.find(CARD)
    with psycopg.connect(shop.wiring._url("keys"), autocommit=True) as keys:
        keys.execute("DELETE FROM stream_key WHERE stream = %s", (stream,))
    runners.catch_up(shop.wiring, folding.start_generation(shop.wiring))  # a living record is in Redis still
    show = partial(bespoke, "customer", "show", "loyalty:L-7", "--json", settings=shop.wiring.settings)
    for options, net in (
        ((), {"EUR": "85.00"}),
        (("--as-of", ago(5).isoformat()), {"EUR": "100.00"}),
        (("--as-of", ago(50).isoformat()), {}),
        (("--known-at", back.isoformat()), {"EUR": "85.00"}),
    ):
        found = answered(show(*options))
        profile = found["profile"]
        assert (profile["status"], profile["ledger_net"]) == ("erased", net), options
        assert (profile["identity_graph"], profile["behavior"], profile["real_time_context"]) == ({}, {}, {})
        assert len(profile["ledger"]) == len(net) + (net == {"EUR": "85.00"})
        assert "L-7" not in repr(found) and "COAT" not in repr(found)
    assert refused(show("--known-at", ago(1).isoformat())) == "nobody is known by that at that time"


def test_now_is_the_live_record_to_the_byte(sharded: Wiring) -> None:
    """All deliveries of all channels: the log, as of now and known now, is what Redis has and what is answered."""
    send(sharded, DELIVERIES)
    streams = [stream for stream in map(sharded.directory.find, identifiers()) if stream]
    assert len(streams) > 15
    moments = (Moment(), Moment(now() + timedelta(days=1), now()))

    async def compare() -> set[int]:
        reader = sharded.reader()
        try:
            queries, sizes = sharded.queries(reader), set[int]()
            for stream in streams:
                live = await queries.profile(stream)
                person, _ = await reader.person(stream)
                for moment in moments:
                    past = travel(queries._history, stream, moment)
                    assert past is not None and set(past.streams) == set(person.streams)
                    assert encode(past.record()) == encode(combine(person.streams.values()))
                    assert await queries.profile(stream, moment) == at(live, moment)
                    assert await queries.events(stream, 500, moment) == await queries.events(stream, 500)
                sizes.add(len(person.streams))
            return sizes
        finally:
            await reader.close()

    assert max(asyncio.run(compare())) > 2


def at(profile: Profile | None, moment: Moment) -> Profile:
    assert profile is not None
    return replace(profile, as_of=moment.as_of, known_at=moment.known_at)


def test_known_at_each_moment_is_what_was_recorded_by_then(sharded: Wiring) -> None:
    send(sharded, DELIVERIES)
    history = sharded.queries(sharded.reader())._history
    steps = 0
    for stream in {stream for stream in map(sharded.directory.find, identifiers()) if stream}:
        ((_, events),) = history([stream])
        for number, event in enumerate(events, 1):
            found = travel(history, stream, Moment(known_at=event.timestamp))
            assert isinstance(found, Snapshot)
            assert found.streams[stream] == events[:number]
            steps += 1
        assert travel(history, stream, Moment(known_at=events[0].timestamp - TICK)) is None
    assert steps > 60
