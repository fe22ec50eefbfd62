"""Wrapping keys: what derives them, where they lie, and what is lost with them."""

import hmac
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys.wrapping import WrappingKeyError, WrappingKeys, current_epoch, derive

MASTER = bytes(range(32))
WRITERS = 8


def rfc5869(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """The first 32 bytes of HKDF-SHA256, as the RFC writes it."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_the_vector_of_rfc_5869_without_salt_and_info() -> None:
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"  # A.3
    assert derive(b"\x0b" * 22, "").hex() == expected


def test_the_vector_of_rfc_5869_with_both() -> None:
    salt, info = bytes(range(13)), bytes(range(0xF0, 0xFA))
    expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"  # A.1; its info is no text,
    assert rfc5869(b"\x0b" * 22, salt, info).hex() == expected  # so it vouches for what the next test compares with


@given(secret=st.binary(min_size=1, max_size=80), purpose=st.text(max_size=40), salt=st.binary(max_size=70))
def test_derivation_is_that_of_the_rfc(secret: bytes, purpose: str, salt: bytes) -> None:
    assert derive(secret, purpose, salt) == rfc5869(secret, salt, purpose.encode())


def test_an_epoch_is_a_calendar_month() -> None:
    moments = [datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    assert [current_epoch(m) for m in moments] == [(2025 * 12 + 11) * 100, 2026 * 12 * 100]


def test_nobody_else_can_read_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "keys"
    WrappingKeys(folder, MASTER).wrap(b"key", 1, b"")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(p.name, stat.S_IMODE(p.stat().st_mode)) for p in folder.iterdir()] == [("1.key", 0o600)]


def test_a_wrapped_key_opens_where_it_belongs_and_nowhere_else(tmp_path: Path) -> None:
    keys = WrappingKeys(tmp_path, MASTER)
    wrapped = keys.wrap(b"k" * 32, 1, b"stream")
    keys.wrap(b"other", 2, b"stream")
    assert WrappingKeys(tmp_path, MASTER).unwrap(wrapped, 1, b"stream") == b"k" * 32
    for epoch, context, content in ((2, b"stream", wrapped), (1, b"another", wrapped), (1, b"stream", wrapped[:-1])):
        with pytest.raises(WrappingKeyError):
            keys.unwrap(content, epoch, context)


def test_neither_the_key_nor_the_data_key_lies_there_in_clear(tmp_path: Path) -> None:
    wrapped = WrappingKeys(tmp_path, MASTER).wrap(b"k" * 32, 1, b"")
    assert b"k" * 32 not in wrapped
    assert MASTER not in (tmp_path / "1.key").read_bytes()


def test_another_master_secret_opens_nothing(tmp_path: Path) -> None:
    wrapped = WrappingKeys(tmp_path, MASTER).wrap(b"key", 1, b"")
    other = WrappingKeys(tmp_path, bytes(32))
    with pytest.raises(WrappingKeyError, match="another master secret"):
        other.unwrap(wrapped, 1, b"")
    with pytest.raises(WrappingKeyError, match="another master secret"):
        other.wrap(b"key", 1, b"")


def test_a_key_file_under_another_name_opens_nothing(tmp_path: Path) -> None:
    wrapped = WrappingKeys(tmp_path, MASTER).wrap(b"key", 1, b"")
    (tmp_path / "1.key").rename(tmp_path / "2.key")
    with pytest.raises(WrappingKeyError):
        WrappingKeys(tmp_path, MASTER).unwrap(wrapped, 2, b"")


def test_a_destroyed_epoch_is_gone(tmp_path: Path) -> None:
    keys = WrappingKeys(tmp_path, MASTER)
    wrapped = {epoch: keys.wrap(b"key", epoch, b"") for epoch in (9, 10, 11)}
    assert keys.destroy_before(11) == [9, 10]
    assert [p.name for p in tmp_path.iterdir()] == ["11.key"]
    assert keys.unwrap(wrapped[11], 11, b"") == b"key"
    for epoch in (9, 10):
        with pytest.raises(WrappingKeyError, match="gone"):
            keys.unwrap(wrapped[epoch], epoch, b"")


def test_an_epoch_destroyed_by_somebody_else_wraps_nothing_more(tmp_path: Path) -> None:
    mine, other = WrappingKeys(tmp_path, MASTER), WrappingKeys(tmp_path, MASTER)
    mine.wrap(b"key", 1, b"")
    other.destroy_before(2)
    wrapped = mine.wrap(b"key", 1, b"")  # under a new key of that epoch, which is on disk
    assert other.unwrap(wrapped, 1, b"") == b"key"


@pytest.mark.parametrize("one_object", [True, False], ids=["one object", "an object each"])
def test_who_comes_at_the_same_time_wraps_under_the_same_key(tmp_path: Path, one_object: bool) -> None:
    shared, together = WrappingKeys(tmp_path, MASTER), threading.Barrier(WRITERS)

    def wrap(epoch: int) -> bytes:
        keys = shared if one_object else WrappingKeys(tmp_path, MASTER)
        together.wait(10)
        return keys.wrap(b"key", epoch, b"")

    with ThreadPoolExecutor(WRITERS) as threads:
        for epoch in range(60):
            wrapped = list(threads.map(wrap, [epoch] * WRITERS))
            fresh = WrappingKeys(tmp_path, MASTER)
            assert [fresh.unwrap(each, epoch, b"") for each in wrapped] == [b"key"] * WRITERS
    assert sorted(int(p.stem) for p in tmp_path.iterdir()) == list(range(60))
