"""Global Privacy Control: a browser that says ``Sec-GPC: 1`` opts its user out (globalprivacycontrol.org, CCPA).

The answer to that very request honours it. It is also recorded, once as long as it stands, so that answers to requests
without the header, and training, honour it too.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeGuard
from uuid import UUID, uuid4

from adapters.channels.channel import Parsed
from adapters.http.ports import Writer
from adapters.lru import Lru
from commands.command import Command, CustomerCommand
from commands.consent import OptOut
from commands.ports import UnavailableError
from commands.rights import Object
from domain.values import Channel
from readmodels.consent import SIGNAL

HEADER = "sec-gpc"
#: Persons whose signal this process has recorded of late: it need not say so again with each request.
REMEMBERED, AGAIN_S = 50_000, 600.0
_MARK = "#gpc"


def given(headers: Mapping[str, str]) -> bool:
    """Whether the header stands there with the one value that means something."""
    return headers.get(HEADER, "").strip() == "1"


def with_objections(parsed: Parsed) -> None:
    """Adds an opt-out for each visitor whom the delivery names, once each, before what it tells of them."""
    seen = set()
    commands: list[tuple[int, Command]] = []
    for index, command in parsed.commands:
        if isinstance(command, CustomerCommand) and command.identifiers not in seen:
            seen.add(command.identifiers)
            commands.append((index, _opt_out(command)))
        commands.append((index, command))
    parsed.commands = commands


def by_header(command: Command) -> TypeGuard[OptOut]:
    """Whether ``with_objections`` added it."""
    return isinstance(command, OptOut) and command.source_id.endswith(_MARK)


def _opt_out(command: CustomerCommand) -> OptOut:
    return OptOut(
        source_id=f"{command.source_id[:290]}{_MARK}",
        occurred_at=command.occurred_at,
        identifiers=command.identifiers,
        channel=command.channel,
        policy_version=SIGNAL,
    )


class Signals:
    """Records what requests that only read say by the header, beside the answer, which waits for nothing."""

    def __init__(self, writer: Writer, now: Callable[[], datetime]) -> None:
        self._writer, self._now = writer, now
        self._told: Lru[int, float] = Lru(REMEMBERED)
        self._under_way: set[asyncio.Task[None]] = set()

    def heard(self, person: UUID) -> None:
        """One request of a known person. While the log is away the next one tries again."""
        last, now = self._told.get(person.int), time.monotonic()
        if last is None or now - last > AGAIN_S:
            self._told.put(person.int, now)
            task = asyncio.create_task(self._record(person))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _record(self, person: UUID) -> None:
        command = Object(
            source_id=f"gpc:{uuid4()}",
            occurred_at=self._now(),
            stream=person,
            channel=Channel.WEB,
            policy_version=SIGNAL,
        )
        try:
            await self._writer.submit([command])
        except UnavailableError:
            self._told.drop(person.int)
