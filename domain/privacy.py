"""A request to erase a person: who asked, who vouched for it, what was done. No personal data is in it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import event
from pydantic import Field, StringConstraints

from domain.event import Aggregate, Created, Open, Retention

#: Article 12(3) GDPR: one month; the shortest there is.
DEADLINE = timedelta(days=28)

Actor = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9._:+/-]{1,100}$")]
Streams = Annotated[tuple[UUID, ...], Field(max_length=100_000)]
Counts = Annotated[dict[str, int], Field(max_length=50)]


class ErasureRefusedError(ValueError):
    """The request is not in a state that allows this; the text says why, and names nobody."""


class NobodyError(LookupError):
    """Nobody is known by that, or nobody any more."""


class UnknownRequestError(LookupError):
    """There is no such request."""


class Source(StrEnum):
    """Where a request came from."""

    API = "api"
    CLI = "cli"
    PAGE = "page"
    SHOPIFY = "shopify"
    LEDGER = "ledger"


class Method(StrEnum):
    """How it was made sure that whoever asks is the person."""

    LOGIN = "login"
    EMAIL_LINK = "email-link"
    DOCUMENT = "document"
    IN_STORE = "in-store"
    PLATFORM = "platform"
    OFFICER = "officer"


class Ground(StrEnum):
    """Why a request may have to wait: Articles 17(3) and 18 GDPR."""

    LEGAL_CLAIM = "legal-claim"
    LEGAL_OBLIGATION = "legal-obligation"
    DISPUTE = "dispute"
    IDENTITY_DOUBT = "identity-doubt"


class Step(StrEnum):
    """What is to be done, in this order. Numbers of what was swept are kept with each."""

    CLOSE = "close"
    KEYS = "keys"
    DIRECTORY = "directory"
    RECORDS = "records"
    REDIS = "redis"
    RECEIPTS = "receipts"
    LETTERS = "letters"
    JOBS = "jobs"
    STATISTICS = "statistics"
    TRAINING = "training"
    MODELS = "models"
    TOPIC = "topic"


#: After these nothing of the person can be read by anybody.
NOW = (
    Step.CLOSE,
    Step.KEYS,
    Step.DIRECTORY,
    Step.RECORDS,
    Step.REDIS,
    Step.RECEIPTS,
    Step.LETTERS,
    Step.JOBS,
)
#: These come with the next generation, or when a key of the day has served its time.
LATER = (Step.STATISTICS, Step.TRAINING, Step.MODELS, Step.TOPIC)


class ErasureRequest(Aggregate):
    """requested → verified → approved → (cancel window) → begun → unreadable → done, or cancelled before it begins.
    A hold stops it at any point before it begins."""

    TOPIC = "erasure"

    class Event(Aggregate.Event):
        occurred_at: Open[datetime]

    class Requested(Event, Created):
        """``streams`` were the person's then, ``subject`` the one asked for. ``by`` is an opaque id."""

        TOPIC = "erasure.requested"
        RETENTION: ClassVar = Retention.PUBLIC
        subject: Open[UUID]
        streams: Open[Streams]
        by: Open[Actor]
        source: Open[Source]
        cancel_until: Open[datetime]
        due_at: Open[datetime]
        four_eyes: Open[bool]

    class Verified(Event):
        """Whoever asked is the person, or acts for them."""

        TOPIC = "erasure.verified"
        RETENTION: ClassVar = Retention.PUBLIC
        by: Open[Actor]
        method: Open[Method]

    class Held(Event):
        """The law wants the data kept for now."""

        TOPIC = "erasure.held"
        RETENTION: ClassVar = Retention.PUBLIC
        by: Open[Actor]
        ground: Open[Ground]

    class Released(Event):
        TOPIC = "erasure.released"
        RETENTION: ClassVar = Retention.PUBLIC
        by: Open[Actor]

    class Approved(Event):
        TOPIC = "erasure.approved"
        RETENTION: ClassVar = Retention.PUBLIC
        by: Open[Actor]

    class Cancelled(Event):
        TOPIC = "erasure.cancelled"
        RETENTION: ClassVar = Retention.PUBLIC
        by: Open[Actor]

    class Begun(Event):
        """``streams`` are the person's now: these are erased, and there is no way back."""

        TOPIC = "erasure.begun"
        RETENTION: ClassVar = Retention.PUBLIC
        streams: Open[Streams]

    class StepDone(Event):
        """``counts``: what was swept, by store."""

        TOPIC = "erasure.step_done"
        RETENTION: ClassVar = Retention.PUBLIC
        step: Open[Step]
        counts: Open[Counts]

    class Unreadable(Event):
        """All steps are done after which nobody reads anything of the person."""

        TOPIC = "erasure.unreadable"
        RETENTION: ClassVar = Retention.PUBLIC

    class Unrecoverable(Event):
        """The wrapping key of ``epoch``, the last that the streams' keys were wrapped with, is destroyed: no backup
        opens."""

        TOPIC = "erasure.unrecoverable"
        RETENTION: ClassVar = Retention.PUBLIC
        epoch: Open[int]

    class Done(Event):
        """Statistics, training sets, models and topics follow too."""

        TOPIC = "erasure.done"
        RETENTION: ClassVar = Retention.PUBLIC

    class Reapplied(Event):
        """An older copy of the databases had the person again; the steps were done once more."""

        TOPIC = "erasure.reapplied"
        RETENTION: ClassVar = Retention.PUBLIC
        counts: Open[Counts]

    @event(Requested)
    def __init__(
        self,
        subject: UUID,
        streams: tuple[UUID, ...],
        by: str,
        cancel_until: datetime,
        four_eyes: bool,
    ) -> None:
        self.subject, self.streams, self.requested_by = subject, streams, by
        self.cancel_until, self.four_eyes = cancel_until, four_eyes
        self.verified = self.held = self.approved = self.cancelled = False
        self.begun = self.unreadable = self.unrecoverable = self.done = False
        self.steps: set[Step] = set()

    @classmethod
    def ask(cls, number: UUID, **fields: Any) -> Self:
        """A new request with a random id. ``fields``: those of ``Requested``; ``due_at`` comes from ``occurred_at``."""
        return cls._create(cls.Requested, id=number, due_at=fields["occurred_at"] + DEADLINE, **fields)

    def verify(self, *, by: str, method: Method, occurred_at: datetime) -> None:
        """Says once that identity was verified, and how. Raises ErasureRefusedError."""
        self._still_open()
        if not self.verified:
            self.trigger_event(self.Verified, by=by, method=method, occurred_at=occurred_at)

    def hold(self, *, by: str, ground: Ground, occurred_at: datetime) -> None:
        """Nothing is erased until it is released. Raises ErasureRefusedError."""
        self._still_open()
        if not self.held:
            self.trigger_event(self.Held, by=by, ground=ground, occurred_at=occurred_at)

    def release(self, *, by: str, occurred_at: datetime) -> None:
        """Ends a hold. Raises ErasureRefusedError."""
        self._still_open()
        if self.held:
            self.trigger_event(self.Released, by=by, occurred_at=occurred_at)

    def approve(self, *, by: str, occurred_at: datetime) -> None:
        """Lets it begin when the cancel window is over. Raises ErasureRefusedError."""
        self._still_open()
        if not self.verified:
            raise ErasureRefusedError("identity was not verified")
        if self.four_eyes and by == self.requested_by:
            raise ErasureRefusedError("whoever requested it may not approve it")
        if not self.approved:
            self.trigger_event(self.Approved, by=by, occurred_at=occurred_at)

    def cancel(self, *, by: str, occurred_at: datetime) -> None:
        """Takes the request back; once it has begun nobody can. Raises ErasureRefusedError."""
        if not self.cancelled:
            self._still_open()
            self.trigger_event(self.Cancelled, by=by, occurred_at=occurred_at)

    def begin(self, streams: Iterable[UUID], *, occurred_at: datetime) -> None:
        """From here on there is no way back. Raises ErasureRefusedError."""
        if self.begun:
            return
        if why := self.waits_for(occurred_at):
            raise ErasureRefusedError(why)
        self.trigger_event(self.Begun, streams=tuple(sorted(streams)), occurred_at=occurred_at)

    def waits_for(self, now: datetime) -> str | None:
        """Why it may not begin yet, None where it may."""
        if self.cancelled:
            return "cancelled"
        if not self.verified:
            return "verification"
        if self.held:
            return "legal hold"
        if not self.approved:
            return "approval"
        return "cancel window" if now < self.cancel_until else None

    def finish(self, step: Step, counts: Mapping[str, int], *, occurred_at: datetime) -> None:
        """A step is done, once; what follows from it is said with it. Raises ErasureRefusedError."""
        if not self.begun:
            raise ErasureRefusedError("it has not begun")
        if step in self.steps:
            return
        self.trigger_event(self.StepDone, step=step, counts=dict(counts), occurred_at=occurred_at)
        if not self.unreadable and self.steps.issuperset(NOW):
            self.trigger_event(self.Unreadable, occurred_at=occurred_at)
        if not self.done and self.steps.issuperset(Step):
            self.trigger_event(self.Done, occurred_at=occurred_at)

    def lose(self, epoch: int, *, occurred_at: datetime) -> None:
        """Says once that no backup opens any more. Raises ErasureRefusedError."""
        if Step.KEYS not in self.steps:
            raise ErasureRefusedError("its keys are not destroyed")
        if not self.unrecoverable:
            self.trigger_event(self.Unrecoverable, epoch=epoch, occurred_at=occurred_at)

    def reapply(self, counts: Mapping[str, int], *, occurred_at: datetime) -> None:
        """The steps were done again on an older copy. Raises ErasureRefusedError."""
        if not self.begun:
            raise ErasureRefusedError("it has not begun")
        self.trigger_event(self.Reapplied, counts=dict(counts), occurred_at=occurred_at)

    @event(Verified)
    def _verified(self) -> None:
        self.verified = True

    @event(Held)
    def _held(self) -> None:
        self.held = True

    @event(Released)
    def _released(self) -> None:
        self.held = False

    @event(Approved)
    def _approved(self) -> None:
        self.approved = True

    @event(Cancelled)
    def _cancelled(self) -> None:
        self.cancelled = True

    @event(Begun)
    def _begun(self, streams: tuple[UUID, ...]) -> None:
        self.begun, self.streams = True, streams

    @event(StepDone)
    def _step_done(self, step: Step) -> None:
        self.steps.add(step)

    @event(Unreadable)
    def _unreadable(self) -> None:
        self.unreadable = True

    @event(Unrecoverable)
    def _unrecoverable(self) -> None:
        self.unrecoverable = True

    @event(Done)
    def _done(self) -> None:
        self.done = True

    @event(Reapplied)
    def _reapplied(self) -> None:
        """It changes nothing of what may come next."""

    def _still_open(self) -> None:
        if self.cancelled:
            raise ErasureRefusedError("it was cancelled")
        if self.begun:
            raise ErasureRefusedError("it has begun")
