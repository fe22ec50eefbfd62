"""Withdrawals where another writer only accepts: taken to the log at once, and safe without it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient

from adapters.http.at_once import AtOnce
from adapters.http.metrics import Metrics
from adapters.http.rights import RightsDesk
from adapters.http.signal import AGAIN_S
from commands.bus import Outcome
from commands.command import Command
from commands.consent import OptOut, WithdrawConsent
from commands.ports import ConflictError, UnavailableError
from tests.adapters.http.fakes import ADMIN, NOW, PERSON, MemoryReader, MemoryWriter, app, bearer, viewed

WITHDRAWN = {"event": "Consent Withdrawn", "properties": {"purpose": "personalisation", "policy_version": "1"}}


@dataclass
class Topic:
    """Accepts all, as a broker does."""

    calls: list[list[Command]] = field(default_factory=list)

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        self.calls.append(list(commands))
        return [Outcome(accepted=True)] * len(commands)


@dataclass
class Waits(MemoryReader):
    waited: list[tuple[UUID, int, int]] = field(default_factory=list)

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        self.waited.append((stream, version, timeout_ms))
        return True


@dataclass
class House:
    topic: Topic
    log: MemoryWriter
    reader: Waits

    def post(self, call: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        rights: Any = RightsDesk(None, self.log, lambda: NOW)  # type: ignore[arg-type]
        built = app(self.topic, self.reader, Metrics(), rights=rights)  # type: ignore[arg-type]
        with TestClient(built, raise_server_exceptions=False) as client:
            answer = client.post(f"/v1/{call}", json=body, headers=bearer(ADMIN) | headers)
            return answer.status_code, answer.json()

    def taken(self) -> list[str]:
        return [type(command).__name__ for call in self.log.calls for command in call]


@pytest.fixture
def house() -> House:
    return House(Topic(), MemoryWriter(), Waits())


def test_a_withdrawal_is_published_then_recorded_and_waited_for(house: House) -> None:
    assert house.post("track", viewed(**WITHDRAWN)) == (200, {"success": True, "recorded": 1, "accepted": 0})
    assert [type(command) for call in house.topic.calls for command in call] == [WithdrawConsent]
    assert house.taken() == ["WithdrawConsent"]
    ((stream, version, timeout_ms),) = house.reader.waited
    assert (stream, version) == (PERSON, 1) and 0 < timeout_ms <= 1_000


def test_what_withdraws_nothing_waits_for_ingest(house: House) -> None:
    assert house.post("track", viewed()) == (202, {"success": True, "recorded": 0, "accepted": 1})
    assert house.taken() == [] and house.reader.waited == []


def test_of_a_batch_the_withdrawals_alone_are_recorded(house: House) -> None:
    batch = [viewed(messageId="m-1"), viewed(messageId="m-2", **WITHDRAWN), viewed(messageId="m-3", **WITHDRAWN)]
    status, told = house.post("batch", {"batch": batch})
    assert (status, told["recorded"], told["accepted"], told["duplicates"]) == (202, 2, 1, 0)
    assert house.taken() == ["WithdrawConsent"] * 2
    assert len(house.reader.waited) == 1, "once a person"


@pytest.mark.parametrize("error", [UnavailableError("down"), ConflictError("lost")])
def test_without_the_log_the_topic_alone_acknowledges(house: House, error: Exception) -> None:
    house.log.fails = error
    assert house.post("track", viewed(**WITHDRAWN)) == (202, {"success": True, "recorded": 0, "accepted": 1})
    assert house.reader.waited == []


def test_what_is_refused_now_is_left_to_ingest(house: House) -> None:
    house.log.refuses = "CustomerErasedError"
    assert house.post("track", viewed(**WITHDRAWN))[0] == 202


def test_a_browsers_signal_is_recorded_at_once(house: House) -> None:
    status, told = house.post("track", viewed(), **{"Sec-GPC": "1"})
    assert (status, told["recorded"], told["accepted"]) == (202, 1, 1)
    assert house.taken() == ["OptOut"]


def opt_out(source: str) -> Command:
    said = viewed()
    who = ({"kind": "anonymous", "value": said["anonymousId"]},)
    facts = {"source_id": source, "occurred_at": datetime.now(UTC), "channel": "web", "policy_version": "1"}
    return OptOut.model_validate(facts | {"identifiers": who})


def test_a_signal_is_not_recorded_with_each_call_but_a_word_always_is() -> None:
    log, clock = MemoryWriter(), [0.0]
    at_once = AtOnce(log, lambda: clock[0])

    def take(command: Command) -> bool:
        (outcome,) = asyncio.run(at_once.take([command], [Outcome(accepted=True)], 1.0))
        return not outcome.accepted

    assert [take(opt_out(f"m{n}#gpc")) for n in range(3)] == [True, False, False]
    assert [take(opt_out(f"m{n}")) for n in range(3, 5)] == [True, True]
    clock[0] = AGAIN_S + 1
    assert take(opt_out("m9#gpc"))


def test_a_log_that_does_not_answer_is_waited_for_so_long_and_then_left_alone_for_a_while() -> None:
    class Stuck:
        asked = 0

        async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    stuck, clock = Stuck(), [0.0]
    at_once = AtOnce(stuck, lambda: clock[0])
    accepted = [Outcome(accepted=True)]

    async def ask(times: int) -> None:
        for number in range(times):
            assert await at_once.take([opt_out(f"m{number}")], accepted, 0.01) == accepted

    asyncio.run(ask(20))
    assert stuck.asked == 5
    clock[0] = 1.0
    asyncio.run(ask(20))
    assert stuck.asked == 6
