"""Wrapping keys kept by AWS KMS: a KMS key of its own for each epoch, which never leaves it.

KMS gives a data key with a sealed copy (``GenerateDataKey``); the copy lies in the folder, and KMS alone opens it. At
the end of an epoch its KMS key is scheduled to be deleted: from that instant KMS opens nothing with it, and after
``WINDOW_DAYS`` the key is gone for good. Until then an administrator of the AWS account could cancel the deletion.

The role needs, on keys with the alias ``alias/bespoke-*``: CreateKey, CreateAlias, DescribeKey, GenerateDataKey,
Decrypt, ScheduleKeyDeletion.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adapters.keys.services import WrappingKeyError
from commands.ports import UnavailableError

#: The shortest that KMS allows.
WINDOW_DAYS = 7
_GONE = {"NotFoundException", "KMSInvalidStateException", "DisabledException"}
_FITS_NOT = {"InvalidCiphertextException", "IncorrectKeyException", "AccessDeniedException"}


class AwsKeys:
    """Implements adapters.keys.services.KeyService. Credentials are found as boto3 finds them."""

    name = "aws"

    def __init__(self, namespace: str, *, region: str | None = None, client: Any = None) -> None:
        patient = Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"})
        self._client = client or boto3.client("kms", region_name=region, config=patient)
        self._namespace = namespace

    def make(self, epoch: int) -> bytes:
        """See KeyService."""
        with _translated(epoch):
            key = self._existing(epoch) or self._create(epoch)
            made = self._client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=self._context(epoch))
        sealed: bytes = made["CiphertextBlob"]
        return sealed

    def open(self, epoch: int, sealed: bytes) -> bytes:
        """See KeyService."""
        with _translated(epoch):
            opened = self._client.decrypt(CiphertextBlob=sealed, EncryptionContext=self._context(epoch))
        plain: bytes = opened["Plaintext"]
        return plain

    def destroy(self, epoch: int) -> datetime | None:
        """See KeyService."""
        with _translated(epoch):
            told = self._describe(epoch)
            if told is None:
                return None
            if told["KeyState"] == "PendingDeletion":
                final: datetime | None = told.get("DeletionDate")
            else:
                answer = self._client.schedule_key_deletion(KeyId=told["KeyId"], PendingWindowInDays=WINDOW_DAYS)
                final = answer["DeletionDate"]
        return final or datetime.now(UTC) + timedelta(days=WINDOW_DAYS)

    def _existing(self, epoch: int) -> str | None:
        told = self._describe(epoch)
        return None if told is None or told["KeyState"] != "Enabled" else str(told["KeyId"])

    def _describe(self, epoch: int) -> dict[str, Any] | None:
        try:
            told: dict[str, Any] = self._client.describe_key(KeyId=self._alias(epoch))["KeyMetadata"]
        except ClientError as error:
            if _code(error) == "NotFoundException":
                return None
            raise
        return told

    def _create(self, epoch: int) -> str:
        """Of two who make one at the same time the first to take the alias wins; the other one's key is given up."""
        words = f"Bespoke {self._namespace}: wrapping key of epoch {epoch}"
        key = str(self._client.create_key(Description=words)["KeyMetadata"]["KeyId"])
        try:
            self._client.create_alias(AliasName=self._alias(epoch), TargetKeyId=key)
        except ClientError as error:
            self._client.schedule_key_deletion(KeyId=key, PendingWindowInDays=WINDOW_DAYS)
            winner = self._existing(epoch) if _code(error) == "AlreadyExistsException" else None
            if winner is None:
                raise
            return winner
        return key

    def _alias(self, epoch: int) -> str:
        return f"alias/bespoke-{self._namespace}-{epoch}"

    def _context(self, epoch: int) -> dict[str, str]:
        """What KMS authenticates with each key, and writes into its log."""
        return {"namespace": self._namespace, "epoch": str(epoch)}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated(epoch: int) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _GONE:
            raise WrappingKeyError(f"the wrapping key of epoch {epoch} is gone from KMS") from None
        if _code(error) in _FITS_NOT:
            raise WrappingKeyError(f"KMS does not open the wrapping key of epoch {epoch}: {_code(error)}") from None
        raise UnavailableError(f"KMS refuses: {_code(error)}") from error
    except BotoCoreError as error:
        raise UnavailableError(f"KMS does not answer: {type(error).__name__}") from error
