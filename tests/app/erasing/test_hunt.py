"""The canary hunt: unique strings of a customer, planted through the channels, and looked for everywhere: in every byte
on disk and through every reader there is. Before the erasure the readers find them, so the hunt works."""

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from adapters.kafka.envelope import PoisonError
from adapters.redis import on_disk
from app.erasing.later import follow_up
from app.intake import take
from app.settings import Settings
from app.training import training_set
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from projections.examples import Rules
from queries.audit import Access
from queries.moment import Moment, read_time
from queries.reader import Queries
from queries.recommend.ask import Wanted
from readmodels import keys
from tests.adapters.channels.signing import signed
from tests.app.erasing.test_stores import letter
from tests.app.erasing.worlds import BOB, IMMEDIATE, erased, projected, told, view
from tests.app.looking import wait_for
from tests.app.test_canary import found_in
from tests.namespaces import namespace

N, AT = "q7canary", "2026-06-11T10:00:00Z"
EMAIL, PHONE, USER = f"ann.{N}@hunt.example", "+4915799123477", f"user-{N}"
WHO = Identifier(kind=IdentifierKind.USER, value=USER)
SHOP = Identifier(kind=IdentifierKind.USER, value="shopify:770077")
THEN = Moment(read_time("2026-12-31T00:00:00Z"))


def mark(what: str) -> str:
    """A string that is nowhere else."""
    return f"{N}-{what}-9x"


SAID = {"anonymousId": mark("visitor"), "userId": USER, "timestamp": AT}
TRAITS = {
    "email": EMAIL,
    "phone": PHONE,
    "name": mark("name"),
    "loyalty_id": mark("loyalty"),
    "address": {"street": mark("street"), "city": mark("city"), "state": mark("state"), "postalCode": mark("zip")},
}
UTM = {"source": mark("utm-source"), "medium": mark("utm-medium"), "name": mark("utm-name"), "term": mark("utm-term")}
VIEW = {"sku": mark("sku"), "category": mark("category"), "brand": mark("brand"), "price": 10}
PAGE = {"url": f"https://shop.example/{mark('url')}", "referrer": f"https://r.example/{mark('ref')}"}
SEGMENT: list[dict[str, Any]] = [
    {"type": "identify", "traits": TRAITS},
    {"type": "track", "event": "Products Searched", "properties": {"query": mark("query")}},
    {"type": "track", "event": "Product Viewed", "properties": VIEW},
    {"type": "track", "event": "Product List Viewed", "properties": {"category": mark("list")}},
    {"type": "track", "event": "Product Added", "properties": {"sku": mark("cart-sku"), "quantity": 1}},
    {"type": "page", "name": mark("page"), "properties": PAGE, "context": {"campaign": UTM}},
]
ORDER = {
    "id": 7700770077,
    "email": EMAIL,
    "created_at": AT,
    "currency": "EUR",
    "total_price": "19.99",
    "landing_site": f"/?utm_source={mark('landing')}",
    "customer": {"id": 770077, "email": EMAIL, "phone": PHONE, "first_name": mark("first"), "last_name": mark("last")},
    "line_items": [{"id": 1, "sku": mark("order-sku"), "quantity": 1, "price": "19.99", "vendor": mark("vendor")}],
}
CUSTOMER = {
    "id": 770077,
    "email": EMAIL,
    "updated_at": AT,
    "first_name": mark("given"),
    "last_name": mark("family"),
    "default_address": {"address1": mark("road"), "city": mark("town"), "zip": mark("post")},
}


def planted(wiring: Wiring) -> None:
    """All of it, through the channels as they are; a dead letter and an audit entry."""
    bus, channels = wiring.bus(), wiring.channels()
    sent: list[tuple[str, dict[str, str], Any]] = [
        ("segment", {}, {**SAID, **message, "messageId": f"{N}-m{number}"}) for number, message in enumerate(SEGMENT)
    ]
    for topic, body in (("orders/create", ORDER), ("customers/update", CUSTOMER)):
        head = {"x-shopify-topic": topic, "x-shopify-webhook-id": f"{N}-{topic}"}
        sent.append(("shopify", head | signed(json.dumps(body).encode(), wiring.settings.shopify_key().encode()), body))
    for channel, head, said in sent:
        taken = take(bus, channels[channel], {"content-type": "application/json"} | head, json.dumps(said).encode())
        assert (taken.recorded > 0, taken.refused) == (True, 0), said
    told(wiring, [view(BOB, "S-3", "bob")])
    projected(wiring)
    wiring.audit.record(Access("key:test", "customer", _found(wiring, WHO), mark("purpose")))
    wiring.dead_letters.keep([letter(wiring, WHO, 9)])


def canaries() -> set[str]:
    """Every planted string."""
    found, todo = {EMAIL, PHONE, USER, mark("purpose")}, list[Any]([SAID, SEGMENT, ORDER, CUSTOMER])
    while todo:
        each = todo.pop()
        if isinstance(each, dict | list):
            todo += each.values() if isinstance(each, dict) else each
        elif isinstance(each, str) and N in each:
            found.add(each.rpartition("/")[2].rpartition("=")[2])
    return found


def _found(wiring: Wiring, who: Identifier) -> UUID:
    stream = wiring.directory.find(who)
    assert stream is not None
    return stream


def _asked(wiring: Wiring, ask: Callable[[Queries], Any]) -> Any:
    async def run() -> Any:
        reader, keeper = wiring.reader(), wiring.keeper()
        await reader.start()
        keeper.start()
        try:
            return await ask(wiring.queries(reader, keeper=keeper))
        finally:
            await reader.close()
            await asyncio.to_thread(keeper.close)

    return asyncio.run(run())


def _queried(wiring: Wiring, streams: list[UUID]) -> dict[str, Any]:
    """Profiles and events, now and then."""

    async def ask(queries: Queries) -> dict[str, Any]:
        return {
            "profile": [await queries.profile(s) for s in streams],
            "profile then": [await queries.profile(s, THEN) for s in streams],
            "events": [await queries.events(s, 200) for s in streams],
            "events then": [await queries.events(s, 200, THEN) for s in streams],
        }

    found: dict[str, Any] = _asked(wiring, ask)
    return found


def _letters(wiring: Wiring) -> list[str]:
    found = []
    for listed in wiring.dead_letters.latest(100, replayed=True):
        try:
            found.append(wiring.dead_letters.open(listed.id, wiring.envelope).model_dump_json())
        except PoisonError:
            continue
    return found


def _redis(wiring: Wiring) -> list[str]:
    """Every hash and text of the namespace."""
    found: list[str] = []
    read: dict[bytes, Callable[[Any], Any]] = {b"hash": wiring.redis.hgetall, b"string": wiring.redis.get}
    for key in wiring.redis.scan_iter(match=f"{wiring.settings.namespace}:*", count=1000):
        kind: Any = wiring.redis.type(key)
        found.append(repr(key) + repr(read.get(kind, repr)(key)))
    return found


def read_all(wiring: Wiring, streams: list[UUID], decision: UUID) -> dict[str, Any]:
    """What each reader says."""
    return _queried(wiring, streams) | {
        "receipts": [repr(wiring.receipts.find(decision)), repr(wiring.receipts.of_person(streams, 50))],
        "audit": repr(wiring.audit.latest(50, streams=streams)),
        "letters": _letters(wiring),
        "redis": _redis(wiring),
        "records": [repr(records.load(streams)) for records in wiring.records],
        "parts": [repr(records.load_part()) for records in wiring.records],
        "log": [repr(list(log.streams(streams))) for log in wiring.customers],
        "rescue": repr(wiring.kept.records(streams)),
        "training set": repr(training_set.read(wiring, Rules())),
        "directory": repr([wiring.directory.find(who) for who in (WHO, SHOP)]),
    }


def hits(wiring: Wiring, streams: list[UUID], decision: UUID) -> dict[str, set[str]]:
    """Reader → the canaries that it finds."""
    texts = {
        name: repr(answer) + msgspec.json.encode(answer, enc_hook=repr).decode()
        for name, answer in read_all(wiring, streams, decision).items()
    }
    found = {name: {canary for canary in canaries() if canary in text} for name, text in texts.items()}
    return {name: seen for name, seen in found.items() if seen}


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, shards=2, **IMMEDIATE) as built:
        yield built


def test_nothing_of_somebody_who_was_erased_is_found_anywhere(wiring: Wiring) -> None:
    planted(wiring)
    streams = [_found(wiring, WHO), _found(wiring, SHOP)]
    decision: UUID = _asked(wiring, lambda queries: queries.recommend(Wanted("home", 3), streams[0])).decision_id
    before = hits(wiring, streams, decision)
    assert before.keys() >= {"profile", "profile then", "events", "events then", "audit", "letters", "redis", "log"}
    assert len(set().union(*before.values())) >= 25
    erased(wiring, WHO)
    projected(wiring)
    follow_up(wiring)
    projected(wiring)
    wait_for(lambda: not wiring.redis.info("persistence")["aof_rewrite_in_progress"])
    assert on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace))
    with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    assert hits(wiring, streams, decision) == {}
    # Every canary but the phone number has this in it, in whatever form it lies there.
    assert {word: found for word in (N, PHONE[1:]) if (found := found_in(wiring.settings.var, word))} == {}
