"""Every fixture: what is expected of it, also when deliveries repeat, are reordered or are damaged."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.channels.channel import Delivery, Parsed, RejectedError
from tests.adapters.channels.fixtures_loader import (
    CHANNELS,
    RECEIVED_AT,
    SHOPIFY_SECRET,
    TRUST,
    Fixture,
    load_fixtures,
    told,
)
from tests.adapters.channels.signing import signed

FIXTURES = load_fixtures()
CARRYING = [f for f in FIXTURES if f.expected["commands"]]
by_name = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.channel}-{f.name}")


def parse(fixture: Fixture, body: bytes | None = None) -> Parsed:
    headers = fixture.headers
    if body is not None and fixture.channel == "shopify":
        headers = headers | signed(body, SHOPIFY_SECRET)
    delivery = Delivery(headers, fixture.body if body is None else body, RECEIVED_AT)
    CHANNELS[fixture.channel].verify(delivery)
    return CHANNELS[fixture.channel].parse(delivery, TRUST)


def test_there_are_fixtures_of_every_channel() -> None:
    assert {f.channel for f in FIXTURES} == set(CHANNELS)
    assert len(FIXTURES) > 60


@by_name
def test_expected_commands(fixture: Fixture) -> None:
    parsed = parse(fixture)
    assert parsed.problems == []
    assert told(parsed) == fixture.expected


@by_name
def test_a_redelivery_asks_for_the_same(fixture: Fixture) -> None:
    assert parse(fixture) == parse(fixture)


@by_name
def test_a_byte_order_mark_changes_nothing(fixture: Fixture) -> None:
    assert told(parse(fixture, b"\xef\xbb\xbf" + fixture.body)) == fixture.expected


@by_name
def test_unknown_fields_are_ignored(fixture: Fixture) -> None:
    if fixture.channel == "poslog":
        body = fixture.body.replace(b"</Transaction>", b"<Weather><Rain>1</Rain></Weather></Transaction>")
    else:
        body = json.dumps(json.loads(fixture.body) | {"weather": {"rain": [1, None]}}).encode()
    assert told(parse(fixture, body)) == fixture.expected


@pytest.mark.parametrize("fixture", [f for f in FIXTURES if f.channel != "poslog"], ids=lambda f: f.name)
def test_the_order_of_fields_changes_nothing(fixture: Fixture) -> None:
    body = json.dumps(json.loads(fixture.body), sort_keys=True).encode()
    assert told(parse(fixture, body)) == fixture.expected


@given(st.sampled_from(FIXTURES), st.floats(0, 1, exclude_max=True))
@settings(max_examples=150, deadline=None)
def test_a_truncated_body_is_refused(fixture: Fixture, share: float) -> None:
    body = fixture.body.rstrip()
    try:
        parsed = parse(fixture, body[: int(len(body) * share)])
    except RejectedError as refused:
        assert 400 <= refused.status < 500
        return
    assert parsed.commands == []


@given(st.sampled_from(CARRYING), st.binary(min_size=1, max_size=3), st.floats(0, 1, exclude_max=True))
@settings(max_examples=200, deadline=None)
def test_a_damaged_body_is_read_or_refused_and_never_breaks(fixture: Fixture, noise: bytes, where: float) -> None:
    at = int(len(fixture.body) * where)
    try:
        parse(fixture, fixture.body[:at] + noise + fixture.body[at + len(noise) :])
    except RejectedError as refused:
        assert 400 <= refused.status < 500


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_a_batch_in_any_order_asks_for_the_same(random: Random) -> None:
    singles = [json.loads(f.body) for f in FIXTURES if f.call not in ("", "batch")]
    random.shuffle(singles)
    batch = Delivery({}, json.dumps({"batch": singles}).encode(), RECEIVED_AT)
    parsed = CHANNELS["segment"].parse(batch, TRUST)
    assert parsed.problems == []
    alone = [c for f in FIXTURES if f.call not in ("", "batch") for _, c in parse(f).commands]
    assert sorted(map(repr, alone)) == sorted(repr(c) for _, c in parsed.commands)
