"""What history is encrypted by can never change: retention and visibility, as they were released."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Aggregate, Event, Open, Retention, Sealed, UndeclaredError, Visibility, visibility
from domain.experiment import BUCKETS, Design, Experiment, Variant
from domain.merchandising import RuleBook
from domain.money import EXPONENTS, from_cents, to_cents
from domain.privacy import ErasureRequest
from domain.product import Product
from domain.values import Details, Line
from tests.domain.test_aggregates import NOW, event_classes, opened

RETENTION = {
    Retention.BEHAVIOUR: (
        "seen product_viewed category_browsed searched added_to_cart removed_from_cart cart_replaced checkout_started "
        "recommendation_shown recommendation_clicked experiment_exposed"
    ),
    Retention.IDENTITY: (
        "opened reopened identifier_linked identifier_unlinked details_given details_corrected loyalty_joined "
        "probably_linked probably_unlinked confirmed_same kept_apart apart_ended"
    ),
    Retention.TRANSACTION: "order_placed lines_returned customer_erased ledger_refunded",
    Retention.CONSENT: "consent_given consent_withdrawn consent_string_received access_requested access_granted",
}
EXPECTED = {f"customer.{name}": kind for kind, names in RETENTION.items() for name in names.split()}


def test_retention_is_as_it_was_released() -> None:
    assert {int(kind): kind.name for kind in Retention} == {
        0: "PUBLIC",
        1: "BEHAVIOUR",
        2: "IDENTITY",
        3: "TRANSACTION",
        4: "CONSENT",
    }
    declared: dict[str, Any] = {cls.TOPIC: cls.RETENTION for cls in event_classes()}  # type: ignore[attr-defined]
    assert {topic: kind for topic, kind in declared.items() if topic.startswith("customer.")} == EXPECTED
    assert {kind for topic, kind in declared.items() if not topic.startswith("customer.")} == {Retention.PUBLIC}


def test_what_is_about_nobody_is_open_and_what_is_about_somebody_is_not() -> None:
    for cls in event_classes():
        found = {visibility(field) for name, field in cls.model_fields.items() if name not in cls.ENVELOPE}
        public = cls.RETENTION is Retention.PUBLIC
        assert found <= ({Visibility.OPEN} if public else {Visibility.SEALED, Visibility.LEDGER}), cls


def test_every_class_that_an_aggregate_can_record_has_a_stored_name_of_its_own() -> None:
    named = {(cls.TOPIC, cls.__qualname__) for cls in event_classes()}  # type: ignore[attr-defined]
    assert len({topic for topic, _ in named}) == len({name for _, name in named}) == len(named)
    for aggregate in (Customer, Product, Experiment, RuleBook, ErasureRequest):
        recorded = {f"{aggregate.__name__}.{name}" for name, cls in vars(aggregate).items() if _is_event(cls)}
        found = {name for topic, name in named if topic.startswith(f"{aggregate.TOPIC}.")}
        assert found == recorded - {f"{aggregate.__name__}.Event"}


def _is_event(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Event)


@pytest.mark.parametrize("optional", [False, True])
def test_a_nested_class_that_forgets_a_field_is_named_with_it(optional: bool) -> None:
    kind: Any = str | None if optional else str
    with pytest.raises(UndeclaredError, match=r"Thing\.Happened\.email is neither Ledger, Open nor Sealed"):

        class Thing(Aggregate):
            class Happened(Aggregate.Event):
                TOPIC = "test.happened"
                RETENTION = Retention.IDENTITY
                name: Sealed[str]
                email: kind


def test_what_was_inherited_need_not_be_declared_again_but_a_redefined_field_must() -> None:
    class Said(Event):
        TOPIC = "test.said"
        RETENTION = Retention.PUBLIC
        word: Open[str]

    class Shouted(Said):
        TOPIC = "test.shouted"

    assert Shouted.RETENTION is Retention.PUBLIC
    with pytest.raises(UndeclaredError, match=r"Whispered\.word"):

        class Whispered(Said):
            TOPIC = "test.whispered"
            word: str


def test_an_event_cannot_be_changed_or_carry_more() -> None:
    customer = opened()
    customer.record(Customer.Searched, source_id="a", query="q", occurred_at=NOW, channel="web")
    (event,) = customer.pending_events
    with pytest.raises(ValidationError):
        event.query = "other"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="more"):
        Customer.Searched.model_validate({**event.model_dump(), "more": 1})  # type: ignore[attr-defined]


def test_an_erased_event_counts_and_tells_nothing() -> None:
    customer = opened()
    erased = Erased(
        originator_id=customer.id, originator_version=2, timestamp=NOW, topic="customer.searched", ledger={}
    )
    before = dict(vars(customer))
    assert erased.mutate(customer) is customer
    assert customer.version == 2
    changed = {name for name, value in vars(customer).items() if before.get(name) != value}
    assert changed <= {"_version", "version"}
    assert erased.mutate(None) is None


def test_unlinking_what_is_not_linked_records_nothing() -> None:
    customer = opened()
    customer.unlink(uuid4(), source_id="a", reason="r", occurred_at=NOW, channel="web")
    assert customer.collect_events() == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"variants": ({"name": "a", "buckets": 1},)}, "variants"),
        ({"variants": ({"name": "a", "buckets": BUCKETS + 1}, {"name": "b", "buckets": 0})}, "variants.0.buckets"),
        ({"variants": ({"name": "a", "buckets": 1}, {"name": "", "buckets": 0})}, "variants.1.name"),
        ({"minimum_effect": 0}, "minimum_effect"),
        ({"power": 1.0}, "power"),
        ({"hypothesis": "x" * 501}, "hypothesis"),
        ({"primary_metric": " "}, "primary_metric"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_an_impossible_design_is_refused_by_the_name_of_its_field(change: dict[str, Any], named: str) -> None:
    good = {"hypothesis": "h", "primary_metric": "m", "variants": ({"name": "a", "buckets": 1},) * 2}
    with pytest.raises(ValidationError) as refusal:
        Design.model_validate({**good, **change})
    assert named in [".".join(map(str, error["loc"])) for error in refusal.value.errors()]


@pytest.mark.parametrize("buckets", [((5000, "a"), (5001, "b")), ((1, "a"), (1, "a"))])
def test_variants_that_do_not_fit_together_are_named(buckets: tuple[tuple[int, str], ...]) -> None:
    variants = tuple(Variant(name=name, buckets=n) for n, name in buckets)
    with pytest.raises(ValidationError, match="variants"):
        Design(hypothesis="h", primary_metric="m", variants=variants)


@pytest.mark.parametrize(
    ("cls", "fields", "named"),
    [
        (Line, {"sku": "S", "quantity": 0}, "quantity"),
        (Line, {"sku": "S", "price_cents": 10**12 + 1}, "price_cents"),
        (Line, {"sku": "x" * 65}, "sku"),
        (Details, {"birth_date": "1990-2-3"}, "birth_date"),
        (Details, {"birth_date": "1990-02-03\n"}, "birth_date"),
        (Details, {"age": 131}, "age"),
        (Details, {"religion": "x"}, "religion"),
    ],
)
def test_values_are_bounded_and_name_what_is_wrong(cls: type[Any], fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        cls(**fields)
    assert [error["loc"][0] for error in refusal.value.errors()] == [named]


@settings(max_examples=100, deadline=None)
@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS)))
def test_money_comes_back_as_it_went(cents: int, currency: str) -> None:
    assert to_cents(from_cents(cents, currency), currency) == cents
    assert to_cents(str(from_cents(cents, currency)), currency) == cents


@settings(max_examples=100, deadline=None)
@example("1e1000000")
@example("-1e-1000000")
@given(st.one_of(st.text(max_size=12), st.floats(), st.from_regex(r"-?\d{1,40}(\.\d{1,40})?(e-?\d{1,9})?")))
def test_whatever_is_said_is_an_amount_or_refused(amount: str | float) -> None:
    try:
        cents = to_cents(amount, "KWD")
    except ValueError:
        return
    assert isinstance(cents, int) and abs(cents) <= 10**15
