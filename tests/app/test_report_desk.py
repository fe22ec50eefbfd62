"""The web process has reports made by others: once however many ask, kept for a while, given up when it ends."""

import asyncio
from typing import Any

import pytest

from app.reporting.desk import ReportDesk
from app.settings import Settings
from app.wiring import Wiring
from commands.ports import UnavailableError
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk
from tests.app.test_experiment_report import begin, lived

ASK = ReportAsk("experiment", "hero")
MADE = b'{"report": {"n": 1}, "charts": {}, "missing": null}'


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Counted(ReportDesk):
    """Counts the processes that it would have started, and lets them go on when told."""

    def __init__(self, clock: Clock, told: bytes = MADE) -> None:
        super().__init__(Settings(postgres_url=None, redis_url=None), clock=clock)
        self.started, self.go, self._told = 0, asyncio.Event(), told

    async def _run(self, ask: ReportAsk) -> bytes:
        self.started += 1
        await self.go.wait()
        return self._told


def test_it_is_made_once_and_kept_for_a_while() -> None:
    async def scene() -> None:
        clock = Clock()
        desk = Counted(clock)
        with pytest.raises(BeingMadeError):
            await desk.get(ASK, wait_s=0.0)
        waiting = [asyncio.create_task(desk.get(ASK, wait_s=30)) for _ in range(5)]
        desk.go.set()
        assert {(await each).report["n"] for each in waiting} == {1} and desk.started == 1
        clock.now = 299.0
        await desk.get(ASK, wait_s=30)
        assert desk.started == 1
        clock.now = 300.0
        await desk.get(ASK, wait_s=30)
        assert desk.started == 2
        desk.forget(ASK)
        await desk.get(ASK, wait_s=30)
        assert desk.started == 3

    asyncio.run(scene())


def test_one_at_a_time_and_not_too_many_wait() -> None:
    async def scene() -> None:
        desk = Counted(Clock())
        for number in range(16):
            with pytest.raises(BeingMadeError):
                await desk.get(ReportAsk("experiment", str(number)), wait_s=0.001)
        assert desk.started == 1
        with pytest.raises(UnavailableError):
            await desk.get(ASK, wait_s=0.001)
        await desk.close()
        assert desk.started == 1

    asyncio.run(scene())


def test_what_went_wrong_is_not_kept() -> None:
    async def scene() -> None:
        desk = Counted(Clock(), b"nonsense")
        desk.go.set()
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await desk.get(ASK, wait_s=30)
        assert desk.started == 2

    asyncio.run(scene())


def test_who_was_asked_to_come_again_hears_of_a_refusal() -> None:
    async def scene() -> None:
        clock = Clock()
        desk = Counted(clock, b'{"refused": "nobody came", "option": "at"}')
        with pytest.raises(BeingMadeError):
            await desk.get(ASK, wait_s=0.001)
        desk.go.set()
        await asyncio.wait(desk._making.values())
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(RefusedError, match="nobody came") as caught:
                await desk.get(ASK, wait_s=30)
            assert caught.value.option == "at"
        assert desk.started == 1
        clock.now = 15.0
        with pytest.raises(RefusedError):
            await desk.get(ASK, wait_s=30)
        assert desk.started == 2
        desk.forget(ASK)
        with pytest.raises(RefusedError):
            await desk.get(ASK, wait_s=30)
        assert desk.started == 3

    asyncio.run(scene())


def test_on_real_servers(wiring: Wiring) -> None:
    begin(wiring)
    lived(wiring, 40)

    async def scene(*asks: ReportAsk) -> list[Any]:
        desk = ReportDesk(wiring.settings)
        try:
            return await asyncio.gather(*(desk.get(ask, wait_s=300) for ask in asks), return_exceptions=True)
        finally:
            await desk.close()

    wrong = ReportAsk("experiment", "hero", (("at", "999999999"),))
    owed = ReportAsk("attribution", "", (("experiment", "hero"), ("from", "2026-04-25"), ("to", "2026-06-30")))
    beyond = ReportAsk("attribution", "", (("as-of-position", "999999999"),))
    made, far, credited, farther = asyncio.run(scene(ASK, wrong, owed, beyond))
    assert isinstance(made, Document) and made.report["arms"] == {"control": 20, "bold": 20} and made.charts["wide"]
    assert isinstance(far, RefusedError) and "one number for each" in str(far) and far.option == "at"
    assert isinstance(credited, Document)
    (dollars,) = credited.report["currencies"]
    assert {lift["experiment"] for lift in dollars["personalization"]["measured"]} == {"hero"}
    assert isinstance(farther, RefusedError) and farther.option == "as-of-position"
