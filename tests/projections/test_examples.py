"""Which interactions become examples, and what is known before each."""

from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from domain.customer import Customer
from domain.erased import Erased
from domain.identity import IdentifierKind
from domain.values import Channel, Line
from projections.examples import Rules, examples
from projections.moment import millis
from readmodels.features import CART, NAMES, PURCHASE, VIEW, Example
from tests.projections.people import Stream, at, person

ANY = Rules()


def skus(found: list[Example]) -> list[str]:
    return [each.sku for each in found]


def known(example: Example) -> list[str]:
    """The SKUs of its history."""
    return [act[-1] for act in example.features.acts]


def value(example: Example, name: str) -> float:
    return example.features.values[NAMES.index(name)]


def test_each_interaction_comes_with_what_was_before_it() -> None:
    ann = Stream.opened()
    ann.view(0, "A", category="Skirts", brand="Acme", price_cents=100)
    ann.cart(1, "A")
    ann.order(2, "A", "B")
    ann.view(60, "C")
    found = examples(person(ann), ANY)
    assert [(e.sku, e.kind, e.weight, e.session, e.position) for e in found] == [
        ("A", VIEW, 1, 0, 0),
        ("A", CART, 3, 0, 1),
        ("A", PURCHASE, 5, 0, 2),
        ("B", PURCHASE, 5, 0, 3),
        ("C", VIEW, 1, 1, 0),
    ]
    assert [known(e) for e in found] == [[], ["A"], ["A", "A"], ["A", "A"], ["A", "A", "B"]]
    assert [e.features.categories for e in found] == [{}, *[{"Skirts": 1}] * 4]
    assert [value(e, "cart_skus") for e in found] == [0, 0, 1, 1, 0]
    assert (found[0].category, found[0].brand, found[0].at) == ("Skirts", "Acme", millis(at(0)))


def test_what_happens_in_one_millisecond_does_not_know_of_each_other() -> None:
    ann = Stream.opened()
    ann.view(0, "A")
    ann.view(5, "B", source="b")
    ann.cart(5, "B", source="a")
    found = examples(person(ann), ANY)
    assert sorted(skus(found)) == ["A", "B", "B"]
    assert [known(e) for e in found] == [[], ["A"], ["A"]]


def test_late_news_counts_from_when_it_happened() -> None:
    ann = Stream.opened()
    ann.view(10, "B")
    ann.view(0, "A", late=1_000)
    assert [(e.sku, known(e)) for e in examples(person(ann), ANY)] == [("A", []), ("B", ["A"])]


def test_only_what_was_known_counts_where_that_is_asked() -> None:
    ann = Stream.opened()
    ann.view(10, "B")
    ann.view(0, "A", late=15)
    ann.view(20, "C")
    found = examples(person(ann), Rules(known=True))
    assert [(e.sku, known(e)) for e in found] == [("A", []), ("B", []), ("C", ["A", "B"])]


def test_streams_are_one_person_from_when_that_was_known_where_that_is_asked() -> None:
    ann, phone = Stream.opened(), Stream.opened(IdentifierKind.ANONYMOUS)
    phone.view(0, "A")
    ann.view(10, "B")
    ann.link(phone, 20)
    ann.view(30, "C")
    assert [known(e) for e in examples(person(ann, phone), ANY)] == [[], ["A"], ["A", "B"]]
    assert [known(e) for e in examples(person(ann, phone), Rules(known=True))] == [[], [], ["A", "B"]]


def test_nothing_at_the_cut_or_after_it() -> None:
    ann = Stream.opened()
    for minute, sku in enumerate("ABC"):
        ann.view(minute, sku)
    assert skus(examples(person(ann), Rules(until_ms=millis(at(2))))) == ["A", "B"]


def test_an_order_that_two_systems_report_is_one_example() -> None:
    ann, card = Stream.opened(), Stream.opened(IdentifierKind.LOYALTY)
    ann.link(card, -1)
    ann.order(0, "A", order_id="same")
    card.order(1, "A", order_id="same")
    ann.order(2, "B", order_id="other")
    found = examples(person(ann, card), ANY)
    assert [(e.sku, e.at) for e in found] == [("A", millis(at(0))), ("B", millis(at(2)))]
    assert value(found[1], "orders_log") == pytest.approx(0.6931, abs=1e-4)


def test_of_a_replaced_cart_what_is_new_in_it_was_added() -> None:
    ann = Stream.opened()
    ann.add(Customer.CartReplaced, 0, lines=(Line(sku="A"), Line(sku="B")))
    ann.add(Customer.CartReplaced, 1, lines=(Line(sku="A"), Line(sku="B", quantity=2), Line(sku="C")))
    ann.add(Customer.CartReplaced, 2, lines=(Line(sku="C"),))
    assert skus(examples(person(ann), ANY)) == ["A", "B", "B", "C"]


def test_an_erased_stream_takes_its_whole_person_out() -> None:
    ann, phone = Stream.opened(), Stream.opened(IdentifierKind.ANONYMOUS)
    ann.view(0, "A")
    phone.events = [erased(event) for event in phone.events]
    assert skus(examples(person(ann), ANY)) == ["A"]
    assert examples(person(ann, phone), ANY) == []


def test_an_expired_event_is_none_and_the_others_stay() -> None:
    ann = Stream.opened()
    ann.view(0, "A")
    ann.view(1, "B")
    ann.events[1] = erased(ann.events[1])
    assert [(e.sku, known(e)) for e in examples(person(ann), ANY)] == [("B", [])]


def erased(event: Any) -> Erased:
    envelope = {name: getattr(event, name) for name in ("originator_id", "originator_version", "timestamp")}
    return Erased(**envelope, topic=type(event).TOPIC, ledger={})


def test_an_unreadable_withdrawal_is_taken_for_a_withdrawal() -> None:
    ann = Stream.opened()
    ann.view(0, "A")
    ann.says(1, False)
    ann.events[2] = erased(ann.events[2])
    assert examples(person(ann), ANY) == []


def test_channel_and_arrival_are_of_no_matter() -> None:
    ann, ben = Stream.opened(), Stream(uuid4(), [])
    facts = [("A", 0, "a"), ("B", 5, "b"), ("C", 90, "c")]
    for sku, minute, source in facts:
        ann.view(minute, sku, source=source)
    for sku, minute, source in reversed(facts):
        ben.view(minute, sku, source=source, channel=Channel.MOBILE)
    first, second = examples(person(ann), ANY), examples(person(ben), ANY)
    assert [replace(e, at=0) for e in first] == [replace(e, at=0) for e in second]
