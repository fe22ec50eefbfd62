"""The writer: many requests, one thread, one bus."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from adapters.http.writer import BusWriter
from commands.browse import RecordView
from commands.bus import Outcome
from commands.command import Command
from commands.ports import UnavailableError
from domain.identity import Identifier
from domain.values import Channel


class FakeBus:
    """Remembers what it was given; ``answer`` may wait or raise."""

    def __init__(self, answer: Callable[[Sequence[Command]], None] = lambda commands: None) -> None:
        self.batches: list[list[Command]] = []
        self._answer = answer

    def dispatch(self, commands: Sequence[Command]) -> list[Outcome]:
        self._answer(commands)
        self.batches.append(list(commands))
        return [Outcome(uuid4(), number, 1) for number, _ in enumerate(commands)]


def view(source: str) -> RecordView:
    someone = Identifier.model_validate({"kind": "anonymous", "value": "somebody"})
    return RecordView(
        identifiers=(someone,), source_id=source, occurred_at=datetime.now(UTC), channel=Channel.WEB, sku="A"
    )


def writer_of(bus: FakeBus, **limits: float) -> BusWriter:
    return BusWriter(bus, **limits)  # type: ignore[arg-type]


def until(event: threading.Event) -> Callable[[Sequence[Command]], None]:
    """Storing that takes until the event is set."""

    def wait(commands: Sequence[Command]) -> None:
        assert event.wait(5)

    return wait


def test_each_request_gets_its_own_outcomes() -> None:
    writer = writer_of(FakeBus())

    async def main() -> list[list[Outcome]]:
        return await asyncio.gather(
            writer.submit([view("a"), view("b")]), writer.submit([view("c")]), writer.submit([])
        )

    outcomes = asyncio.run(main())
    assert [len(each) for each in outcomes] == [2, 1, 0]
    writer.close()


def test_what_arrives_while_a_batch_is_stored_goes_together_with_the_next() -> None:
    busy, go_on = threading.Event(), threading.Event()

    def slow(commands: Sequence[Command]) -> None:
        busy.set()
        assert go_on.wait(5)

    bus = FakeBus(slow)
    writer = writer_of(bus)

    async def main() -> None:
        first = asyncio.create_task(writer.submit([view("first")]))
        await asyncio.to_thread(busy.wait, 5)
        rest = [asyncio.create_task(writer.submit([view(f"{n}")])) for n in range(10)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *rest)

    asyncio.run(main())
    assert [len(batch) for batch in bus.batches] == [1, 10]
    writer.close()


def test_one_bad_request_does_not_spoil_those_it_was_batched_with() -> None:
    def poisoned(commands: Sequence[Command]) -> None:
        if any(command.source_id == "bad" for command in commands):
            raise RuntimeError

    writer = writer_of(FakeBus(poisoned))

    async def main() -> list[object]:
        sent = [writer.submit([view(source)]) for source in ("good", "bad", "fine")]
        return await asyncio.gather(*sent, return_exceptions=True)

    good, bad, fine = asyncio.run(main())
    assert isinstance(good, list) and isinstance(fine, list)
    assert isinstance(bad, RuntimeError)
    writer.close()


def test_when_the_log_is_down_everybody_hears_so() -> None:
    def down(commands: Sequence[Command]) -> None:
        raise UnavailableError("the event log does not answer")

    writer = writer_of(FakeBus(down))

    async def main() -> list[object]:
        return await asyncio.gather(*(writer.submit([view(f"{n}")]) for n in range(3)), return_exceptions=True)

    assert all(isinstance(answer, UnavailableError) for answer in asyncio.run(main()))
    writer.close()


def test_too_much_waiting_is_sent_away_at_once() -> None:
    go_on = threading.Event()
    writer = writer_of(FakeBus(until(go_on)), waiting=3)

    async def main() -> None:
        first = asyncio.create_task(writer.submit([view("a"), view("b")]))
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await writer.submit([view("c"), view("d")])
        go_on.set()
        assert len(await first) == 2
        assert len(await writer.submit([view("e"), view("f"), view("g")])) == 3  # there is room again

    asyncio.run(main())
    writer.close()


def test_a_request_does_not_wait_for_ever() -> None:
    go_on = threading.Event()
    writer = writer_of(FakeBus(until(go_on)), timeout_s=0.05)

    async def main() -> None:
        with pytest.raises(UnavailableError):
            await writer.submit([view("a")])
        go_on.set()

    asyncio.run(main())
    writer.close()


def test_closing_stores_what_waits() -> None:
    bus = FakeBus()
    writer = writer_of(bus)

    async def main() -> None:
        waiting = asyncio.create_task(writer.submit([view("a")]))
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.close)
        await waiting

    asyncio.run(main())
    assert len(bus.batches) == 1
