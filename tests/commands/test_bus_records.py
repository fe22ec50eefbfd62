"""From command to record: whatever the order and the batches, each identifier's record is the same."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from commands.browse import BrowseCategory, ClickRecommendation, RecordSearch, RecordView, RecordVisit
from commands.cart import AddToCart, RemoveFromCart, ReplaceCart, StartCheckout
from commands.command import Command
from commands.consent import GiveConsent, WithdrawConsent
from commands.identify import Identify
from commands.order import PlaceOrder, ReturnLines
from domain.identity import Identifier
from domain.values import Details, Line, Purpose
from projections.customer import fold_all
from readmodels.customer import CustomerRecord, encode
from tests.commands.test_bus import NAMES, NOW, House, base

LINES = (Line(sku="A", price_cents=500), Line(sku="A", price_cents=500, category="Skirts"), Line(sku="B"))
ORDER: dict[str, Any] = {"total_cents": 900, "currency": "USD", "lines": LINES}
KINDS: list[tuple[type[Any], dict[str, Any]]] = [
    (RecordView, {"sku": "A"}),
    (RecordVisit, {"device": "phone"}),
    (BrowseCategory, {"category": "Skirts"}),
    (RecordSearch, {"query": "q"}),
    (ClickRecommendation, {"placement": "home", "sku": "A"}),
    (AddToCart, {"line": LINES[0]}),
    (RemoveFromCart, {"sku": "A"}),
    (ReplaceCart, {"lines": LINES}),
    (StartCheckout, {}),
    (GiveConsent, {"purpose": Purpose.EMAIL, "policy_version": "1"}),
    (WithdrawConsent, {"purpose": Purpose.EMAIL, "policy_version": "1"}),
    (Identify, {"details": Details(city="Rome")}),
    (PlaceOrder, ORDER),
    (ReturnLines, {"refund_cents": 5, "currency": "USD", "order_id": "o"}),
]
ASKED = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.lists(NAMES, min_size=1, max_size=3, unique=True)),
    max_size=25,
)


def command(number: int, kind: type[Any], fields: dict[str, Any], minute: int, names: list[str]) -> Command:
    """A command with a source, order and return of its own."""
    own = {"order_id": f"o{number}"} if kind is PlaceOrder else {}
    own |= {"return_id": f"r{number}"} if kind is ReturnLines else {}
    facts = {**base(f"{number}", *names), "occurred_at": NOW + timedelta(minutes=minute), **fields, **own}
    made: Command = kind(**facts)
    return made


def records(batches: Sequence[Sequence[Command]], shards: int) -> dict[str, tuple[bytes, list[str]]]:
    """Identifier → its record without links, and what it is linked with by name."""
    house = House(shards)
    for batch in batches:
        assert all(outcome.refused is None for outcome in house.bus.dispatch(batch))
    names = {stream: _name(identifier) for identifier, stream in house.directory.items()}
    found = {}
    for log in house.shards:
        for stream, events in log.events.items():
            record = fold_all(CustomerRecord(), events)
            told = encode(replace(record, links=()))
            found[names[stream]] = told, sorted(names[link] for link in record.links)
    return found


def _name(identifier: Identifier) -> str:
    return f"{identifier.kind}:{identifier.value}"


@settings(max_examples=80, deadline=None)
@given(ASKED, st.integers(1, 9), st.randoms(use_true_random=False))
def test_one_by_one_in_batches_shuffled_and_repeated(
    asked: list[tuple[tuple[type[Any], dict[str, Any]], int, list[str]]], size: int, chance: random.Random
) -> None:
    commands = [command(n, *kind, minute, names) for n, (kind, minute, names) in enumerate(asked)]
    expected = records([[each] for each in commands], shards=1)
    again = chance.sample([*commands, *commands], 2 * len(commands))
    assert records([again[i : i + size] for i in range(0, len(again), size)], shards=3) == expected
