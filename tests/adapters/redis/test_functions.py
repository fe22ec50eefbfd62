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

    @property
    def holder(self) -> str:
        return f"{self.key}:holder"

    def hold(self, token: str, holder: str = "", ms: int = 60_000) -> Any:
        return self.client.fcall("bespoke_hold", 1, self.holder, token, holder, ms)

    def release(self, token: str) -> Any:
        return self.client.fcall("bespoke_release", 1, self.holder, token)

    def change(
        self, token: str, put: dict[str, bytes] | None = None, drop: dict[str, int] | None = None, moved: str = ""
    ) -> Any:
        pairs = [part for pair in (put or {}).items() for part in pair]
        drops = [part for pair in (drop or {}).items() for part in pair]
        args = (token, moved, len(put or {}), *pairs, *drops)
        return self.client.fcall("bespoke_change", 2, self.key, self.holder, *args)

    @property
    def fields(self) -> dict[str, bytes]:
        return {field.decode(): content for field, content in self.client.hgetall(self.key).items()}


@pytest.fixture
def made(servers: Wiring) -> Iterator[Hash]:
    one = Hash(servers)
    yield one
    one.client.delete(one.key, one.holder)


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
    made.hold("t")
    assert made.change("t", drop={"a": 3}, moved="home") == 1
    assert made.fields == {"moved": b"home"}
    assert made.put("a", 0, value(1)) == [b"home", 0]
    assert made.fields == {"moved": b"home"}


def test_one_holds_at_a_time_until_it_lets_go_or_is_replaced(made: Hash) -> None:
    assert made.hold("t") == 1
    assert made.hold("u") == 0
    assert made.hold("u", "v") == 0
    assert made.hold("u", "t") == 1
    assert made.release("t") == 0
    assert made.hold("t") == 0
    assert made.release("u") == 1
    assert made.hold("t") == 1


def test_a_hold_is_for_a_while(made: Hash) -> None:
    made.hold("t", ms=60_000)
    assert 50_000 < made.client.pttl(made.holder) <= 60_000


def test_who_does_not_hold_changes_nothing(made: Hash) -> None:
    made.put("a", 0, value(3))
    assert made.change("t", {"b": value(1)}) == 0
    made.hold("u")
    assert made.change("t", {"b": value(1)}, {"a": 3}) == 0
    assert made.change("t", drop={"a": 3}, moved="home") == 0
    assert made.fields == {"a": value(3)}


def test_what_is_added_is_the_latest_of_each_and_takes_nothing_away(made: Hash) -> None:
    made.put("a", 0, value(3, b"old"))
    made.put("b", 0, value(9, b"newer"))
    made.put("stays", 0, value(1))
    made.hold("t")
    assert made.change("t", {"a": value(4, b"new"), "b": value(8, b"late"), "c": value(1, b"c")}) == 1
    assert made.fields == {"a": value(4, b"new"), "b": value(9, b"newer"), "c": value(1, b"c"), "stays": value(1)}


@pytest.mark.parametrize("moved", ["", "home"])
def test_what_has_grown_meanwhile_does_not_go(made: Hash, moved: str) -> None:
    for field, version in (("a", 3), ("b", 4)):
        made.put(field, 0, value(version))
    made.hold("t")
    assert made.change("t", {"c": value(1)}, {"a": 3, "b": 3}, moved) == 0
    assert made.fields == {"a": value(3), "b": value(4)}


def test_a_hash_is_not_left_with_somebody_in_it(made: Hash) -> None:
    made.put("a", 0, value(3))
    made.put("b", 0, value(4))
    made.hold("t")
    assert made.change("t", drop={"a": 3}, moved="home") == 0
    assert made.fields == {"a": value(3), "b": value(4)}
    assert made.change("t", drop={"a": 3, "b": 4}, moved="home") == 1
    assert made.fields == {"moved": b"home"}


def test_what_goes_leaves_the_rest(made: Hash) -> None:
    made.put("a", 0, value(3))
    made.put("b", 0, value(4))
    made.hold("t")
    assert made.change("t", drop={"a": 3, "never": 1}) == 1
    assert made.fields == {"b": value(4)}


def test_what_is_added_to_a_former_home_makes_it_a_home_again(made: Hash) -> None:
    made.hold("t")
    made.change("t", moved="elsewhere")
    assert made.change("t", drop={"b": 1}) == 1
    assert made.fields == {"moved": b"elsewhere"}
    made.change("t", {"a": value(1)})
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
