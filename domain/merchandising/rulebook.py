"""The book of rules: a draft that is worked on, and the set that is live. All of a set goes live at once."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import event
from pydantic import Field, StringConstraints

from domain.event import Aggregate, Created, Open, Retention
from domain.merchandising.rules import Rule, Rules, digest_of
from domain.merchandising.values import RuleKey
from domain.product import NAMESPACE

#: How many sets that were live can be gone back to.
KEPT = 100
SHORTEST = 6

#: Who did it: an id that says nothing to outsiders. No address, no name.
Actor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,80}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")]
Keys = Annotated[tuple[RuleKey, ...], Field(max_length=200)]


class RuleBookError(ValueError):
    """The book is not in a state that allows this."""


def rulebook_id(key: str = "main") -> UUID:
    """A book's stream is named by its key (UUID version 5)."""
    return uuid5(NAMESPACE, f"rulebook:{key}")


class RuleBook(Aggregate):
    """draft saved → published → withdrawn or rolled back. What was live once can be live again."""

    TOPIC = "rulebook"

    class Event(Aggregate.Event):
        occurred_at: Open[datetime]
        source_id: Open[str]
        actor: Open[Actor]

        def mutate(self, aggregate: Any) -> Any:
            """Evolves the book, which also remembers the source."""
            book: Any = super().mutate(aggregate)
            book.sources.add(self.source_id)
            return book

    class Opened(Event, Created):
        TOPIC = "rulebook.opened"
        RETENTION: ClassVar = Retention.PUBLIC
        key: Open[RuleKey]

    class DraftSaved(Event):
        """The draft as a whole. ``digest`` is its hash."""

        TOPIC = "rulebook.draft_saved"
        RETENTION: ClassVar = Retention.PUBLIC
        digest: Open[Digest]
        rules: Open[Rules]

    class Published(Event):
        """These rules are live from now on, and no others."""

        TOPIC = "rulebook.published"
        RETENTION: ClassVar = Retention.PUBLIC
        digest: Open[Digest]
        rules: Open[Rules]

    class Withdrawn(Event):
        """These ``keys`` were taken out of what is live, and out of the draft. ``rules`` are live from now on."""

        TOPIC = "rulebook.withdrawn"
        RETENTION: ClassVar = Retention.PUBLIC
        keys: Open[Keys]
        digest: Open[Digest]
        rules: Open[Rules]

    class RolledBack(Event):
        """A set that was live before is live again. The draft stays as it is."""

        TOPIC = "rulebook.rolled_back"
        RETENTION: ClassVar = Retention.PUBLIC
        digest: Open[Digest]
        rules: Open[Rules]

    @event(Opened)
    def __init__(self, key: str) -> None:
        self.key = key
        self.draft: tuple[Rule, ...] = ()
        self.draft_digest = ""
        #: Hashes of what is live and of what was before it, the latest last; and all sets that can be gone back to.
        self.lives: list[str] = [""]
        self.past: dict[str, tuple[Rule, ...]] = {"": ()}
        self.sources: set[str] = set()

    @classmethod
    def open(cls, key: str = "main", **fields: Any) -> Self:
        """A new book without rules."""
        return cls._create(cls.Opened, id=rulebook_id(key), key=key, **fields)

    @property
    def digest(self) -> str:
        """The hash of what is live, "" for nothing."""
        return self.lives[-1]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is live."""
        return self.past[self.digest]

    def save(self, rules: tuple[Rule, ...], expected: str | None, *, source_id: str, **fields: Any) -> None:
        """Records the draft, unless it is the same. ``expected``: the hash of the draft that was worked on. Raises
        RuleBookError if somebody else saved meanwhile."""
        if source_id in self.sources:
            return
        self._expect(expected)
        if (digest := digest_of(rules)) != self.draft_digest:
            self.trigger_event(self.DraftSaved, digest=digest, rules=rules, source_id=source_id, **fields)

    def publish(self, expected: str | None, *, source_id: str, **fields: Any) -> None:
        """The draft goes live, unless it is. Raises RuleBookError if the draft is not the one that was ``expected``."""
        if source_id in self.sources:
            return
        self._expect(expected)
        if self.draft_digest != self.digest:
            new = {"digest": self.draft_digest, "rules": self.draft}
            self.trigger_event(self.Published, source_id=source_id, **new, **fields)

    def withdraw(self, keys: tuple[str, ...], *, source_id: str, **fields: Any) -> None:
        """Takes live rules out, all where no keys are given. Raises RuleBookError for a key that is not live."""
        if source_id in self.sources:
            return
        live = [rule.key for rule in self.rules]
        for key in keys:
            if key not in live:
                raise RuleBookError(f"rules[{key}]: is not published")
        gone = keys or tuple(live)
        if gone:
            left = tuple(rule for rule in self.rules if rule.key not in gone)
            new = {"digest": digest_of(left), "rules": left}
            self.trigger_event(self.Withdrawn, keys=gone, source_id=source_id, **new, **fields)

    def roll_back(self, to: str | None, *, source_id: str, **fields: Any) -> None:
        """Makes the set live that was before, or the one whose hash begins with ``to``. Raises RuleBookError."""
        if source_id in self.sources:
            return
        digest = self._before() if to is None else self._found(to)
        if digest != self.digest:
            new = {"digest": digest, "rules": self.past[digest]}
            self.trigger_event(self.RolledBack, source_id=source_id, **new, **fields)

    def _expect(self, digest: str | None) -> None:
        if digest is not None and digest != self.draft_digest:
            raise RuleBookError("the draft was changed meanwhile; look at it again")

    def _before(self) -> str:
        if len(self.lives) < 2:
            raise RuleBookError("nothing was live before")
        return self.lives[-2]

    def _found(self, beginning: str) -> str:
        found = [digest for digest in self.past if digest.startswith(beginning)] if len(beginning) >= SHORTEST else []
        if len(found) != 1:
            raise RuleBookError(
                f"no set, or more than one, that was live has a hash that begins so ({SHORTEST} or more)"
            )
        return found[0]

    @event(DraftSaved)
    def _saved(self, digest: str, rules: tuple[Rule, ...]) -> None:
        self.draft, self.draft_digest = rules, digest

    @event(Published)
    def _published(self, digest: str, rules: tuple[Rule, ...]) -> None:
        self._live(digest, rules)

    @event(Withdrawn)
    def _withdrawn(self, keys: tuple[str, ...], digest: str, rules: tuple[Rule, ...]) -> None:
        self.draft = tuple(rule for rule in self.draft if rule.key not in keys)
        self.draft_digest = digest_of(self.draft)
        self._live(digest, rules)

    @event(RolledBack)
    def _rolled_back(self, digest: str, rules: tuple[Rule, ...]) -> None:
        if digest in self.lives:
            del self.lives[len(self.lives) - 1 - self.lives[::-1].index(digest) :]
        self._live(digest, rules)

    def _live(self, digest: str, rules: tuple[Rule, ...]) -> None:
        self.lives = [*self.lives, digest][-KEPT:]
        self.past.pop(digest, None)
        self.past[digest] = rules
        for old in [each for each in self.past if each not in self.lives][: max(0, len(self.past) - KEPT)]:
            del self.past[old]
