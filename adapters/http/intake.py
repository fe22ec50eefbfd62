"""From a delivery to what became of it: verify, parse, one call of the writer, tally."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from anyio import to_thread

from adapters.channels.channel import Channel, Delivery, Parsed, Problem, RejectedError, Trust
from adapters.http.at_once import AtOnce, withdraws
from adapters.http.metrics import Metrics
from adapters.http.ports import Reader, Writer
from adapters.http.problems import FieldError
from adapters.http.signal import given as signalled
from adapters.http.signal import with_objections
from commands.bus import Outcome
from commands.command import Command
from commands.ports import UnavailableError
from domain.identity import Identifier

#: Larger bodies are parsed in a thread, so that others need not wait: 2 MiB of POSLog take 150 ms or more.
LARGE_BYTES = 64 * 1024
#: So long a withdrawal waits for the read model at the most; with Kafka between, for the log and the read model.
WITHDRAWN_S = 1.0
_REFUSED = 409


class Taken(msgspec.Struct, frozen=True):
    """What became of a delivery. ``recorded`` counts events; ``duplicates`` items of which nothing was new;
    ``skipped`` items of no interest; ``errors`` names each item that was refused. ``accepted`` counts items that are
    safe with Kafka and will be recorded."""

    success: bool
    recorded: int
    duplicates: int
    skipped: int
    errors: tuple[FieldError, ...] = ()
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """``status`` is 200, 202 where items were accepted and are not recorded yet, or the one to refuse with where no
    item was good."""

    taken: Taken
    status: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes deliveries of all channels. ``at_once`` takes withdrawals that the writer has only accepted."""

    writer: Writer
    metrics: Metrics
    now: Callable[[], datetime]
    reader: Reader | None = None
    redact: Callable[[Sequence[Identifier], str], object] | None = None
    at_once: AtOnce | None = None

    async def take(self, name: str, channel: Channel, headers: dict[str, str], body: bytes, trust: Trust) -> Verdict:
        """Raises RejectedError, or UnavailableError if nothing was stored."""
        delivery = Delivery(headers, body, self.now())
        if len(body) > LARGE_BYTES:
            parsed = await to_thread.run_sync(_parse, channel, delivery, trust)
        else:
            parsed = _parse(channel, delivery, trust)
        if signalled(headers):
            with_objections(parsed)
        commands = [command for _, command in parsed.commands]
        outcomes = await self._written(commands) if commands else []
        await self._redact(name, parsed)
        verdict = _judge(parsed, outcomes)
        self._count(name, verdict)
        return verdict

    async def _written(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        """Whoever withdraws a consent is answered when the read model has it, so that the next answer honours it."""
        outcomes: Sequence[Outcome] = await self.writer.submit(commands)
        if not any(map(withdraws, commands)):
            return outcomes
        until = time.monotonic() + WITHDRAWN_S
        if self.at_once is not None:
            outcomes = await self.at_once.take(commands, outcomes, WITHDRAWN_S)
        await self._take_effect(commands, outcomes, until)
        return outcomes

    async def _take_effect(self, commands: Sequence[Command], outcomes: Sequence[Outcome], until: float) -> None:
        versions: dict[UUID, int] = {}
        for command, outcome in zip(commands, outcomes, strict=True):
            if withdraws(command) and outcome.stream and not outcome.refused:
                versions[outcome.stream] = max(outcome.version, versions.get(outcome.stream, 0))
        left_ms = int(max(0.0, until - time.monotonic()) * 1_000)
        if self.reader is not None and left_ms:
            waits = (self.reader.wait_for(each, version, timeout_ms=left_ms) for each, version in versions.items())
            with suppress(UnavailableError):  # it is stored all the same
                await asyncio.gather(*waits)

    async def _redact(self, name: str, parsed: Parsed) -> None:
        """Requests to erase are in their ledger when this returns. Raises RejectedError where nobody takes any."""
        for identifiers in parsed.redactions:
            if self.redact is None:
                raise RejectedError("topic", "requests to erase are not taken here", 422)
            await to_thread.run_sync(self.redact, identifiers, f"channel:{name}")
            parsed.skipped += 1

    def _count(self, name: str, verdict: Verdict) -> None:
        taken = verdict.taken
        self.metrics.taken(name, events=taken.recorded, duplicates=taken.duplicates, skipped=taken.skipped)
        for error in taken.errors:
            self.metrics.rejected(name, error.status or _REFUSED)


def _parse(channel: Channel, delivery: Delivery, trust: Trust) -> Parsed:
    channel.verify(delivery)
    try:
        return channel.parse(delivery, trust)
    except RecursionError:
        raise RejectedError("body", "nested too deeply", 400) from None


def _judge(parsed: Parsed, outcomes: Sequence[Outcome]) -> Verdict:
    per_item: dict[int, list[Outcome]] = {}
    for (index, _), outcome in zip(parsed.commands, outcomes, strict=True):
        per_item.setdefault(index, []).append(outcome)
    problems = [
        *parsed.problems,
        *(_refusal(index, item) for index, item in per_item.items() if _refused(item)),
    ]
    problems.sort(key=lambda problem: problem.index)
    good = [item for item in per_item.values() if not _refused(item)]
    taken = Taken(
        success=not problems,
        recorded=sum(outcome.events for outcome in outcomes),
        duplicates=sum(not any(outcome.events or outcome.accepted for outcome in item) for item in good),
        skipped=parsed.skipped,
        errors=tuple(FieldError(p.field, p.reason, p.index, p.status) for p in problems),
        accepted=sum(any(outcome.accepted for outcome in item) for item in good),
    )
    fine = 202 if taken.accepted else 200
    return Verdict(taken, fine if good or parsed.skipped or not problems else _status(problems))


def _refused(item: Sequence[Outcome]) -> bool:
    return any(outcome.refused for outcome in item)


def _refusal(index: int, item: Sequence[Outcome]) -> Problem:
    why = next(outcome.refused for outcome in item if outcome.refused)
    return Problem(index, "item", f"the shop's rules refuse it ({why})", _REFUSED)


def _status(problems: Sequence[Problem]) -> int:
    """The one that all agree on."""
    statuses = {problem.status for problem in problems}
    return statuses.pop() if len(statuses) == 1 else 422
