"""Who may come in to pages behind a login, and for how long."""

from datetime import datetime, timedelta
from typing import Protocol, TypeVar

Who = TypeVar("Who")
#: A session ends when nothing was done for so long, and in any case so long after the login.
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=8)


class People(Protocol[Who]):
    """Who may come in, and their sessions. All raise UnavailableError."""

    def known(self, key: str) -> Who | None:
        """Whose key it is; None for one that is unknown or revoked. Raises RejectedError (403) for one that may not."""

    def begin(self, who: Who, now: datetime) -> str:
        """A new session's token, which is kept nowhere."""

    def session(self, token: str, now: datetime) -> Who | None:
        """Whose session it is, and goes on; None for one that is unknown, expired, or whose key is revoked."""

    def end(self, token: str) -> None:
        """The token is good for nothing from now on."""

    def csrf(self, token: str) -> str:
        """What a form of this session must send along."""
