"""Who keeps what opens the wrapping keys: this machine's master secret, or a key management service."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.derive import derive

NONCE = 12


class WrappingKeyError(Exception):
    """A wrapping key is missing or was wrapped by another master secret."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """An epoch's wrapping key that is no more. ``service``: who kept it. ``final_at``: until then the service's
    administrators could still bring it back; None: nobody can any more."""

    epoch: int
    service: str
    final_at: datetime | None


class KeyService(Protocol):
    """Makes one key an epoch, 32 bytes, and gives it away only to be kept sealed. ``name`` ends the files' names."""

    name: str

    def make(self, epoch: int) -> bytes:
        """A new key for an epoch, sealed. Raises UnavailableError."""

    def open(self, epoch: int, sealed: bytes) -> bytes:
        """What ``make`` sealed for that epoch. Raises WrappingKeyError where it does not open, or no longer does;
        UnavailableError."""

    def destroy(self, epoch: int) -> datetime | None:
        """Makes sure that nothing sealed for an epoch opens from now on; see ``Destroyed.final_at``. Idempotent.
        Raises UnavailableError."""


class LocalKeys:
    """Seals under the master secret. An epoch has nothing of its own here: what is deleted with it is the sealed key's
    file, and a copy of that file opens as long as the master secret exists."""

    name = "key"

    def __init__(self, master: bytes) -> None:
        self._seal = AESGCM(derive(master, "bespoke wrapping keys"))

    def make(self, epoch: int) -> bytes:
        """See KeyService."""
        nonce = os.urandom(NONCE)
        return nonce + self._seal.encrypt(nonce, os.urandom(32), str(epoch).encode())

    def open(self, epoch: int, sealed: bytes) -> bytes:
        """See KeyService."""
        try:
            return self._seal.decrypt(sealed[:NONCE], sealed[NONCE:], str(epoch).encode())
        except InvalidTag:
            raise WrappingKeyError("the wrapping keys belong to another master secret") from None

    def destroy(self, epoch: int) -> datetime | None:
        """See KeyService: deleting the file is all."""
        return None
