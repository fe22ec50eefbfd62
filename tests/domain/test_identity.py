"""Identifiers, and which streams together are one person."""

import random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.identity import SHARED_KINDS, Identifier, IdentifierKind, person_id, persons
from domain.sharding import shard_of

K = IdentifierKind
A, B, C, D, E = (UUID(int=n) for n in range(1, 6))


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("email", "  Ann@Example.COM ", "ann@example.com"),
        ("phone", "0049 (171) 123-45.67", "+491711234567"),
        ("phone", "+1 555 0100", "+15550100"),
        ("user", " U-1 ", "U-1"),
    ],
)
def test_equal_identifiers_are_equal_text(kind: str, value: str, normal: str) -> None:
    assert Identifier.model_validate({"kind": kind, "value": value}).value == normal


@pytest.mark.parametrize(
    ("kind", "value"), [("email", "ann"), ("email", "a@b"), ("phone", "call me"), ("user", " "), ("user", "x" * 255)]
)
def test_what_has_no_normal_form_is_refused(kind: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Identifier.model_validate({"kind": kind, "value": value})


def test_precedence() -> None:
    shuffled = [Identifier(kind=kind, value="a@b.de" if kind is K.EMAIL else "12345") for kind in reversed(K)]
    assert [i.kind for i in sorted(shuffled)] == [K.USER, K.LOYALTY, K.EMAIL, K.PHONE, K.CART, K.DEVICE, K.ANONYMOUS]


def test_known_identifiers_chain() -> None:
    kinds = {A: K.USER, B: K.EMAIL, C: K.LOYALTY, D: K.USER}
    assert persons(kinds, [(A, B), (B, C)])[C] == {A, B, C}
    assert persons(kinds, [(A, B), (B, C)])[D] == {D}


def test_an_anonymous_visitor_joins_whoever_logs_in() -> None:
    assert persons({A: K.ANONYMOUS, B: K.USER}, [(A, B)])[A] == {A, B}


def test_a_shared_device_belongs_to_nobody_and_makes_nobody_one() -> None:
    found = persons({A: K.USER, B: K.USER, C: K.ANONYMOUS}, [(A, C), (B, C)])
    assert found == {A: {A}, B: {B}, C: {C}}


def test_a_device_of_two_identifiers_of_one_person_is_not_shared() -> None:
    found = persons({A: K.USER, B: K.EMAIL, C: K.ANONYMOUS}, [(A, C), (B, C), (A, B)])
    assert found[C] == {A, B, C}


def test_a_visitor_with_a_cart_is_one_even_before_login() -> None:
    kinds = {A: K.ANONYMOUS, B: K.CART, C: K.USER}
    assert persons(kinds, [(A, B)])[A] == {A, B}
    assert persons(kinds, [(A, B), (B, C)])[A] == {A, B, C}


def test_links_to_streams_that_are_not_known_yet_wait() -> None:
    assert persons({A: K.USER}, [(A, B)]) == {A: {A}}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(list(K)), min_size=2, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_links_is_of_no_matter(
    kinds: list[K], pairs: list[tuple[int, int]], chance: random.Random
) -> None:
    streams = {UUID(int=n + 1): kind for n, kind in enumerate(kinds)}
    links = [(UUID(int=a + 1), UUID(int=b + 1)) for a, b in pairs]
    found = persons(streams, links)
    again = [(b, a) for a, b in chance.sample(links, len(links))]
    assert persons(streams, again) == found
    for stream, members in found.items():
        assert stream in members
        assert all(found[member] == members for member in members)
        known = [m for m in members if streams[m] not in SHARED_KINDS]
        assert len(known) <= 1 or _chained(known, links)


def _chained(known: list[UUID], links: list[tuple[UUID, UUID]]) -> bool:
    """Whether the known ones hang together without any device between them."""
    reached = {known[0]}
    while grown := {b for a, b in (*links, *((b, a) for a, b in links)) if a in reached and b in known} - reached:
        reached |= grown
    return reached == set(known)


def test_a_person_is_named_after_the_oldest_stream() -> None:
    assert person_id([C, A, B]) == A


def test_shards_never_move() -> None:
    assert [shard_of(UUID(int=n), 8) for n in range(6)] == [5, 3, 1, 7, 4, 2]
    assert {shard_of(UUID(int=n), 3) for n in range(100)} == {0, 1, 2}
