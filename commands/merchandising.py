"""Merchandising rules: drafted, published, withdrawn, rolled back."""

from typing import Any
from uuid import UUID

from pydantic import Field

from commands.command import Command
from domain.merchandising import RuleBook, RuleBookError, rulebook_id
from domain.merchandising.rulebook import Actor, Digest, Keys
from domain.merchandising.rules import Rules


class RulesCommand(Command):
    """Goes to the stream of the book of rules. ``actor``: who asks for it, as an id that says nothing to outsiders."""

    actor: Actor

    @property
    def stream(self) -> UUID:
        """Where it goes."""
        return rulebook_id()

    def handle(self, book: RuleBook | None) -> RuleBook:
        """Asks the book, which may not exist yet. Raises RuleBookError."""
        raise RuleBookError("nothing is asked of the book")


class SaveRules(RulesCommand):
    """The draft as a whole. ``expected``: the hash of the draft that was worked on, None: whatever it is."""

    rules: Rules
    expected: Digest | None = None

    def handle(self, book: RuleBook | None) -> RuleBook:
        """Records DraftSaved. Raises RuleBookError if the draft is another one than expected."""
        if book is None:
            book = RuleBook.open(occurred_at=self.occurred_at, source_id="open", actor=self.actor)
        book.save(self.rules, self.expected, **_facts(self))
        return book


class PublishRules(RulesCommand):
    """The draft goes live. ``expected``: the hash of the draft that was looked at, None: whatever it is."""

    expected: Digest | None = None

    def handle(self, book: RuleBook | None) -> RuleBook:
        """Records Published. Raises RuleBookError if the draft is another one than expected."""
        known = _known(book)
        known.publish(self.expected, **_facts(self))
        return known


class WithdrawRules(RulesCommand):
    """Rules that are live are so no more; all of them where no keys are given."""

    keys: Keys = ()

    def handle(self, book: RuleBook | None) -> RuleBook:
        """Records Withdrawn. Raises RuleBookError for a rule that is not live."""
        known = _known(book)
        known.withdraw(self.keys, **_facts(self))
        return known


class RollBackRules(RulesCommand):
    """What was live before is live again, or the set whose hash begins with ``to``."""

    to: str | None = Field(default=None, pattern=r"^[0-9a-f]{1,32}$")

    def handle(self, book: RuleBook | None) -> RuleBook:
        """Records RolledBack. Raises RuleBookError where there is no such set."""
        known = _known(book)
        known.roll_back(self.to, **_facts(self))
        return known


def _facts(command: RulesCommand) -> dict[str, Any]:
    return {name: getattr(command, name) for name in ("occurred_at", "source_id", "actor")}


def _known(book: RuleBook | None) -> RuleBook:
    if book is None:
        raise RuleBookError("there are no rules yet")
    return book
