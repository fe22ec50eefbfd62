"""Identifiers of hostile shape, and what a shared device may never do, over random links."""

import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.identity import PRECEDENCE, SHARED_KINDS, Identifier, IdentifierKind, persons

KINDS = st.lists(st.sampled_from(list(IdentifierKind)), min_size=2, max_size=8)
LINKS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14)
SOME = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize("data", ["user:42", 5, None, ["user", "42"], {}, {"kind": "user"}, {"value": "42"}])
def test_what_is_no_identifier_is_refused_and_never_an_accident(data: Any) -> None:
    with pytest.raises(ValidationError):
        Identifier.model_validate(data)


@pytest.mark.parametrize(
    ("kind", "value", "named"),
    [
        ("fax", "1", "kind"),
        (["user"], "1", "kind"),
        ("user", 42, "value"),
        ("email", 42, "value"),
        ("user", "", "value"),
    ],
)
def test_a_refusal_names_the_field(kind: Any, value: Any, named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Identifier.model_validate({"kind": kind, "value": value})
    assert [error["loc"] for error in refusal.value.errors()] == [(named,)]


@pytest.mark.parametrize("value", ["1234", "+1234567890123456", "++12345", "12345x", "12345+"])
def test_what_is_no_phone_number_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="not a phone number"):
        Identifier(kind=IdentifierKind.PHONE, value=value)


@SOME
@given(
    st.sampled_from(list(IdentifierKind)), st.one_of(st.emails(), st.from_regex(r"[+ ]?[0-9 ().-]{5,15}"), st.text())
)
def test_normalising_twice_is_once(kind: IdentifierKind, value: str) -> None:
    try:
        once = Identifier(kind=kind, value=value)
    except ValidationError:
        return
    assert Identifier(kind=kind, value=once.value) == once
    assert Identifier(kind=kind, value=f"  {value} ") == once


@SOME
@given(st.lists(st.sampled_from(list(IdentifierKind)), max_size=8), st.randoms(use_true_random=False))
def test_identifiers_have_one_order(kinds: list[IdentifierKind], chance: random.Random) -> None:
    named = [
        Identifier(kind=kind, value="a@b.de" if kind is IdentifierKind.EMAIL else f"1234{n}")
        for n, kind in enumerate(kinds)
    ]
    found = sorted(chance.sample(named, len(named)))
    assert found == sorted(named)
    assert [PRECEDENCE[each.kind] for each in found] == sorted(PRECEDENCE[kind] for kind in kinds)


@SOME
@given(KINDS, LINKS)
def test_a_device_of_two_people_is_with_neither_and_joins_nobody(
    kinds: list[IdentifierKind], pairs: list[tuple[int, int]]
) -> None:
    streams = {UUID(int=n + 1): kind for n, kind in enumerate(kinds)}
    links = [(UUID(int=a + 1), UUID(int=b + 1)) for a, b in pairs]
    known = {stream: kind for stream, kind in streams.items() if kind not in SHARED_KINDS}
    alone = persons(known, links)
    found = persons(streams, links)
    for stream in known:
        assert found[stream] & known.keys() == alone[stream], "devices make no two people one"
    for stream in streams.keys() - known.keys():
        owners = {alone[b] for a, b in (*links, *((b, a) for a, b in links)) if a == stream and b in known}
        if len(owners) > 1:
            assert found[stream] == {stream}
        elif owners and len(found[stream]) > 1:
            assert owners == {frozenset(found[stream] & known.keys())}
