"""Identity tokens."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.identity_token import check, sign

SECRET = b"0123456789abcdef"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_the_form_is_the_documented_one() -> None:
    expiry = int(LATER.timestamp())
    mac = hmac.new(SECRET, f"v1|42|{expiry}".encode(), hashlib.sha256).digest()
    assert sign(SECRET, "42", LATER) == f"v1.{expiry}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@given(st.text(min_size=1, max_size=50).filter(lambda s: s.isprintable()))
def test_a_token_is_good_for_its_user_until_it_expires(user: str) -> None:
    token = sign(SECRET, user, LATER)
    assert check(SECRET, user, token, NOW)
    assert not check(SECRET, user + "x", token, NOW)
    assert not check(b"another secret...", user, token, NOW)
    assert not check(SECRET, user, token, LATER)


@pytest.mark.parametrize("token", [None, "", "v1", "v1..", "v2.99999999999.AAAA", "v1.x.y", "v1.1.\u00e9", "v1." * 99])
def test_nonsense_is_no_token(token: str | None) -> None:
    assert not check(SECRET, "42", token, NOW)


def test_the_expiry_is_signed() -> None:
    version, expiry, mac = sign(SECRET, "42", LATER).split(".")
    assert not check(SECRET, "42", f"{version}.{int(expiry) + 1}.{mac}", NOW)


@given(st.text(max_size=80))
def test_no_text_is_taken_by_chance(token: str) -> None:
    assert not check(SECRET, "42", token, NOW)
