"""Analysts: who has an API key with ``reports:read``."""

from datetime import datetime
from hashlib import sha256
from typing import Protocol

from adapters.http.auth import Access, require
from adapters.http.keys import ApiKey, Scope
from adapters.http.sessions import Session

Analyst = Session[ApiKey]


class Store(Protocol):
    """Sessions by token. All raise UnavailableError."""

    def begin(self, who: str, now: datetime) -> str:
        """A new session's token."""

    def who(self, token: str, now: datetime) -> str | None:
        """Whose session it is, and goes on."""

    def end(self, token: str) -> None:
        """Good for nothing from now on."""

    def csrf(self, token: str) -> str:
        """What a form of this session must send along."""


class Analysts:
    """Implements People. A session is of one very key: revoked, without the scope, or another of the same id, it opens
    nothing from then on."""

    def __init__(self, access: Access, store: Store) -> None:
        self.access, self._store = access, store
        self.end, self.csrf = store.end, store.csrf

    def known(self, key: str) -> ApiKey | None:
        """See People."""
        found = self.access.keys.find(key)
        if found is not None:
            require(found, Scope.REPORTS_READ)
        return found

    def begin(self, who: ApiKey, now: datetime) -> str:
        """See People."""
        return self._store.begin(_named(who), now)

    def session(self, token: str, now: datetime) -> ApiKey | None:
        """See People."""
        said = self._store.who(token, now)
        key = self.access.keys.named(said.partition(" ")[2]) if said else None
        return key if key and _named(key) == said and Scope.REPORTS_READ in key.scopes else None


def _named(key: ApiKey) -> str:
    """Its id, and what no other key of this id has."""
    return f"{sha256(key.digest).hexdigest()} {key.id}"
