"""Limits of keys: what is taken from where, what a caller is told, what happens without Redis."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import ApiKeys, Scope, generate
from adapters.http.auth import Access
from adapters.http.keys import Rate
from adapters.http.limits import MOST_HELD, Grant, LimitedError, Limits
from adapters.redis.buckets import Buckets
from app.wiring import Wiring
from commands.ports import UnavailableError
from tests.adapters.http.fakes import ADMIN_KEY, MemoryReader, MemoryWriter, bearer


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


_, KEY = generate([Scope.RECOMMEND_READ], id="limited", rate=Rate(10, 4))
_, WIDE = generate([Scope.RECOMMEND_READ], id="wide", rate=Rate(10_000, 20_000))


@dataclass
class Counting:
    """A bucket that never refills."""

    tokens: int
    asked: list[int] = field(default_factory=list)
    down: bool = False

    async def take(self, key_id: str, rate: Rate, wanted: int) -> Grant:
        await asyncio.sleep(0)
        if self.down:
            raise UnavailableError("Redis does not answer")
        self.asked.append(wanted)
        granted = min(wanted, self.tokens)
        self.tokens -= granted
        return Grant(granted, self.tokens, 0 if self.tokens else 100)


class Hands:
    """A clock that is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@in_loop
async def test_many_requests_ask_the_server_once_each_fifty() -> None:
    shared = Counting(1_000)
    limits = Limits(shared)
    await asyncio.gather(*(limits.take(WIDE) for _ in range(100)))
    assert shared.asked == [MOST_HELD, MOST_HELD]


@in_loop
async def test_what_is_held_is_good_for_a_second() -> None:
    shared, clock = Counting(1_000), Hands()
    limits = Limits(shared, clock=clock)
    await limits.take(WIDE)
    clock.now += 1.1
    await limits.take(WIDE)
    assert shared.asked == [MOST_HELD, MOST_HELD]


@in_loop
async def test_an_empty_bucket_refuses_and_is_not_asked_until_there_is_a_token() -> None:
    shared, clock = Counting(2), Hands()
    limits = Limits(shared, clock=clock)
    for _ in range(2):
        await limits.take(KEY)
    for _ in range(5):
        with pytest.raises(LimitedError) as refused:
            await limits.take(KEY)
        assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    assert len(shared.asked) == 3 and limits.refused == 5
    shared.tokens, clock.now = 1, clock.now + 0.11
    await limits.take(KEY)


@in_loop
async def test_without_redis_each_process_counts_for_itself() -> None:
    shared, clock = Counting(1_000, down=True), Hands()
    limits = Limits(shared, clock=clock)
    for _ in range(4):
        await limits.take(KEY)
    with pytest.raises(LimitedError):
        await limits.take(KEY)
    assert limits.alone == 5 and limits.breaker.opened == 1
    shared.down, clock.now = False, clock.now + 2
    await limits.take(KEY)
    assert shared.asked == [1]


@in_loop
async def test_processes_share_the_bucket_of_a_real_server(wiring: Wiring) -> None:
    reader = wiring.reader()
    await reader.start()
    try:
        each = [Limits(Buckets(reader.tracked, wiring.settings.namespace)) for _ in range(3)]
        _, key = generate([Scope.RECOMMEND_READ], id="shared", rate=Rate(1, 9))
        taken = 0
        for limits in each * 6:
            try:
                standing = await limits.take(key)
            except LimitedError as refused:
                assert refused.retry_after_s >= 1
            else:
                taken += 1
                assert standing.limit == 9 and standing.remaining <= 9
        assert 9 <= taken <= 9 + 3  # a second or two may pass
        assert not any(limits.alone for limits in each)
    finally:
        await reader.close()


@pytest.fixture
def limited() -> TestClient[Litestar]:
    from adapters.http import Metrics
    from tests.adapters.http import fakes

    text, key = generate([Scope.RECOMMEND_READ], id="slow", rate=Rate(1, 2))
    access = Access(ApiKeys([key, ADMIN_KEY]), Limits())
    app = fakes.app(MemoryWriter(), MemoryReader(), Metrics(), access=access)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers.update(bearer(text))
    return client


def test_a_caller_is_told_how_its_key_stands_and_when_to_come_back(limited: TestClient[Litestar]) -> None:
    with limited as client:
        first, second, third = (client.get("/v1/recommendations") for _ in range(3))
        assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
        assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("2", "1")
        assert second.headers["RateLimit-Remaining"] == "0"
        assert third.headers["Content-Type"] == "application/problem+json"
        assert int(third.headers["Retry-After"]) >= 1 and int(third.headers["RateLimit-Reset"]) == 2
        assert third.json()["field"] == "authorization"
        assert client.get("/health/live").status_code == 200
