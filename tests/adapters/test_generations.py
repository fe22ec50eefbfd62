"""Generations that answers were made of stay as they were published."""

from hashlib import sha256

import pytest

from app.wiring import Wiring


def test_what_was_saved_is_found_by_its_hash_and_nothing_else_is(wiring: Wiring) -> None:
    whole = b"counts" * 100
    digest = sha256(whole).hexdigest()
    kept = wiring.kept_generations
    kept.save("statistics", digest, whole)
    kept.save("statistics", digest, b"something else")
    assert kept.load("statistics", digest) == whole
    assert kept.load("rules", digest) is None
    assert kept.load("statistics", "0" * 64) is None


def test_damage_is_found(wiring: Wiring) -> None:
    wiring.kept_generations.save("statistics", "1" * 64, b"not of this hash")
    with pytest.raises(ValueError, match="damaged"):
        wiring.kept_generations.load("statistics", "1" * 64)


def test_old_ones_are_let_go(wiring: Wiring) -> None:
    wiring.kept_generations.save("statistics", "2" * 64, b"old")
    assert wiring.kept_generations.prune(1) == 0
    assert wiring.kept_generations.prune(0) >= 1
    assert wiring.kept_generations.load("statistics", "2" * 64) is None
