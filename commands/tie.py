"""Ties between two streams that scores or officers find: both streams are there already, and are named by their ids."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, field_validator

from commands.command import Command
from domain.customer import Customer
from domain.values import Channel, Compared, Name, Text

#: Of the many ways in which people could be compared.
MOST_COMPARED = 64


class TieCommand(Command):
    """Recorded in both streams, ``one`` and ``other``."""

    one: UUID
    other: UUID
    channel: Channel = Channel.SERVICE

    @field_validator("other")
    @classmethod
    def _another(cls, other: UUID, info: Any) -> UUID:
        if other == info.data.get("one"):
            raise ValueError("is the same stream")
        return other

    def facts(self, there: Customer) -> dict[str, Any]:
        """The fields of the event of the stream that is tied to ``there``, ``other`` aside."""
        fields = {name: value for name, value in self.__dict__.items() if name not in ("one", "other")}
        return fields | {"source_id": f"{self.source_id}#{there.id.hex}"}

    def tell(self, here: Customer, there: Customer) -> None:
        """Asks one side to record it."""
        raise NotImplementedError


class LinkProbably(TieCommand):
    """Scores make them one person."""

    weight: float
    model: Name
    compared: Annotated[tuple[Compared, ...], Field(max_length=MOST_COMPARED)]

    def tell(self, here: Customer, there: Customer) -> None:
        """Records ProbablyLinked."""
        here.link_probably(there.id, other_kind=there.kind, **self.facts(there))


class UnlinkProbably(TieCommand):
    """Scores do not make them one person any more."""

    model: Name
    reason: Text

    def tell(self, here: Customer, there: Customer) -> None:
        """Records ProbablyUnlinked."""
        here.unlink_probably(there.id, **self.facts(there))


class ConfirmSame(TieCommand):
    """An officer says that they are one person."""

    officer: Name
    reason: Text

    def tell(self, here: Customer, there: Customer) -> None:
        """Records ConfirmedSame."""
        here.confirm_same(there.id, other_kind=there.kind, **self.facts(there))


class KeepApart(TieCommand):
    """They are two people, an officer or a rule says."""

    officer: Name | None = None
    reason: Text

    def tell(self, here: Customer, there: Customer) -> None:
        """Records KeptApart."""
        here.keep_apart(there.id, **self.facts(there))


class EndApart(TieCommand):
    """They need not be two people any more."""

    officer: Name | None = None
    reason: Text

    def tell(self, here: Customer, there: Customer) -> None:
        """Records ApartEnded."""
        here.end_apart(there.id, **self.facts(there))
