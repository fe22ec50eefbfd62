"""The server-side functions: a field changes only from the version that its writer saw."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from adapters.redis import load_functions
from app.wiring import Wiring


def value(version: int, content: bytes = b"x") -> bytes:
    return version.to_bytes(4, "big") + content


class Hash:
    """A hash of its own for a test."""

    def __init__(self, wiring: Wiring) -> None:
        load_functions(wiring.redis)
        self.client: Any = wiring.redis
        self.key = f"t_{uuid4().hex}"

    def put(self, field: str, was: int, new: bytes) -> Any:
        return self.client.fcall("bespoke_put", 1, self.key, field, was, new)

    def place(self, fields: dict[str, bytes]) -> Any:
        return self.client.fcall("bespoke_place", 1, self.key, *(part for pair in fields.items() for part in pair))

    def leave(self, home: str) -> Any:
        return self.client.fcall("bespoke_leave", 1, self.key, home)

    @property
    def fields(self) -> dict[str, bytes]:
        return {field.decode(): content for field, content in self.client.hgetall(self.key).items()}


@pytest.fixture
def made(servers: Wiring) -> Iterator[Hash]:
    one = Hash(servers)
    yield one
    one.client.delete(one.key)


def test_a_new_field_is_put_where_nothing_is(made: Hash) -> None:
    assert made.put("a", 0, value(3)) is None
    assert made.fields == {"a": value(3)}


def test_a_field_goes_on_from_the_version_that_is_there(made: Hash) -> None:
    made.put("a", 0, value(3))
    assert made.put("a", 3, value(7)) is None
    assert made.fields == {"a": value(7)}


@pytest.mark.parametrize("was", [0, 2, 4, 2**32 - 1])
def test_another_version_is_refused_and_told(made: Hash, was: int) -> None:
    made.put("a", 0, value(3, b"kept"))
    assert made.put("a", was, value(9)) == [b"", 3]
    assert made.fields == {"a": value(3, b"kept")}


def test_a_missing_field_is_version_0(made: Hash) -> None:
    assert made.put("a", 5, value(6)) == [b"", 0]
    assert made.fields == {}


def test_versions_use_all_four_bytes(made: Hash) -> None:
    assert made.put("a", 0, value(2**31)) is None
    assert made.put("a", 2**31, value(2**32 - 1)) is None
    assert made.put("a", 1, value(2)) == [b"", 2**32 - 1]


def test_who_moved_is_put_nowhere(made: Hash) -> None:
    made.put("a", 0, value(3))
    made.leave("home")
    assert made.fields == {"moved": b"home"}
    assert made.put("a", 0, value(1)) == [b"home", 0]
    assert made.fields == {"moved": b"home"}


def test_a_placed_hash_holds_what_it_is_told_and_the_latest_of_each(made: Hash) -> None:
    made.put("a", 0, value(3, b"old"))
    made.put("b", 0, value(9, b"newer"))
    made.put("gone", 0, value(1))
    made.place({"a": value(4, b"new"), "b": value(8, b"late"), "c": value(1, b"c")})
    assert made.fields == {"a": value(4, b"new"), "b": value(9, b"newer"), "c": value(1, b"c")}


def test_placing_at_a_former_home_makes_it_a_home_again(made: Hash) -> None:
    made.leave("elsewhere")
    made.place({"a": value(1)})
    assert made.fields == {"a": value(1)}
    assert made.put("a", 1, value(2)) is None


def test_loading_the_functions_again_is_harmless(made: Hash, servers: Wiring) -> None:
    made.put("a", 0, value(1))
    load_functions(servers.redis)
    assert made.put("a", 1, value(2)) is None


def test_of_eight_who_saw_the_same_version_one_writes(made: Hash) -> None:
    together = threading.Barrier(8)

    def write(number: int) -> int:
        won = 0
        for version in range(50):
            together.wait(10)
            won += made.put("a", version, value(version + 1, bytes([number]))) is None
        return won

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(8))) == 50
    assert made.fields["a"][:4] == value(50)[:4]
