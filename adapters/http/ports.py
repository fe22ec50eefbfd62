"""What the HTTP adapter needs; ``app.wiring`` builds it."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from commands.bus import Outcome
from commands.command import Command
from domain.identity import Identifier
from domain.merchandising import Problem, RuleSet
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.merchandising import Book
from queries.moment import Moment
from queries.preview import Preview
from queries.recommend.ask import Ask, Wanted
from queries.timeline import LATEST, Page
from readmodels.catalogue import Product


class Writer(Protocol):
    """Takes commands from many requests at a time to the bus."""

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        """Returns when they are stored. Raises commands.ports.UnavailableError."""


class Reader(Protocol):
    """The read side."""

    async def find(self, identifier: Identifier) -> UUID | None:
        """The stream of an identifier, or None for one never seen. Raises UnavailableError."""

    async def recommend(
        self, wanted: Wanted, who: UUID | Identifier | None, *, min_version: int | None = None, language: str = "en"
    ) -> Recommendations:
        """``who`` is any stream of the person, the person id or an identifier; None is a stranger. ``min_version`` is
        waited for a moment. ``language``: of the reasons."""

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        """Now, or at a moment. Raises UnavailableError."""

    async def events(
        self, stream: UUID, limit: int, moment: Moment | None = None, page: Page = LATEST
    ) -> tuple[LoggedEvent, ...]:
        """The person's latest events, or those of a page, decrypted from the log; those that counted at a moment.
        Raises UnavailableError."""

    async def products(self, skus: Sequence[str]) -> list[Product | None]:
        """Each as it is on sale now, None where it is not. Raises UnavailableError."""

    async def changed(self, who: UUID | Identifier, version: int, *, within_s: float) -> bool:
        """Whether there are other events of them than ``version`` counts, as soon as there are; False when the time is
        over, or at once where nobody can say."""

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        """Whether the read model reflected this version of the stream in time."""

    async def ready(self) -> dict[str, str]:
        """Server name → "ok" or what is wrong, in words without addresses or data."""


class Rules(Protocol):
    """The rule book, read."""

    async def book(self) -> Book:
        """The draft and what is live, as the log has it. Raises UnavailableError."""

    async def unknown(self, rules: RuleSet) -> tuple[Problem, ...]:
        """What rules name that no item has. Raises UnavailableError."""

    async def preview(self, stream: UUID | None, ask: Ask, rules: RuleSet | None = None) -> Preview | None:
        """What the rules, or else the draft, would do for somebody; None for one never seen. Raises
        UnavailableError."""
