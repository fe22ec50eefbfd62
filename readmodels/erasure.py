"""What became of a request to erase a person: ids, times and counts, nothing else."""

from uuid import UUID

import msgspec

WAITING, READY, BEGUN, UNREADABLE, DONE, CANCELLED = "waiting", "ready", "begun", "unreadable", "done", "cancelled"


class StepReport(msgspec.Struct, frozen=True):
    """A step that is done: when (ms since 1970), and what was swept, by store."""

    at_ms: int
    counts: dict[str, int]


class ErasureStatus(msgspec.Struct, frozen=True):
    """``version``: how many events of the request are in it. Times are ms since 1970, 0 where it did not happen.
    ``reapplied``: how often an older copy of the databases had to be swept again."""

    request: UUID
    version: int = 0
    subject: UUID | None = None
    streams: tuple[UUID, ...] = ()
    source: str = ""
    requested_by: str = ""
    requested_ms: int = 0
    due_ms: int = 0
    cancel_until_ms: int = 0
    four_eyes: bool = True
    verified_by: str = ""
    method: str = ""
    held: str = ""
    approved_by: str = ""
    cancelled_by: str = ""
    begun_ms: int = 0
    unreadable_ms: int = 0
    unrecoverable_ms: int = 0
    epoch: int = 0
    done_ms: int = 0
    steps: dict[str, StepReport] = {}
    reapplied: int = 0

    @property
    def state(self) -> str:
        """waiting (for verification, approval, the end of a hold), ready (when the cancel window is over), begun,
        unreadable, done or cancelled."""
        if self.cancelled_by:
            return CANCELLED
        if self.done_ms:
            return DONE
        if self.begun_ms:
            return UNREADABLE if self.unreadable_ms else BEGUN
        return READY if self.method and self.approved_by and not self.held else WAITING

    @property
    def verification(self) -> str:
        """How identity was verified, or ``unverified``."""
        return self.method or "unverified"
