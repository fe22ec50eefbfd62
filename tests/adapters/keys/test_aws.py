"""AWS KMS as keeper of the wrapping keys, against moto's KMS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from adapters.keys.aws import WINDOW_DAYS, AwsKeys
from adapters.keys.services import WrappingKeyError
from adapters.keys.wrapping import WrappingKeys
from commands.ports import UnavailableError

MASTER = bytes(range(32))


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an account of its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("kms", region_name="eu-central-1")


def keys(folder: Path, kms: Any, namespace: str = "shop") -> WrappingKeys:
    return WrappingKeys(folder, MASTER, AwsKeys(namespace, client=kms))


def state(kms: Any, epoch: int) -> str:
    return str(kms.describe_key(KeyId=f"alias/bespoke-shop-{epoch}")["KeyMetadata"]["KeyState"])


def test_what_is_wrapped_opens_in_another_process_through_kms_alone(kms: Any, tmp_path: Path) -> None:
    wrapped = keys(tmp_path, kms).wrap(b"k" * 32, 7, b"stream")
    assert [path.name for path in tmp_path.iterdir()] == ["7.aws"]
    assert keys(tmp_path, kms).unwrap(wrapped, 7, b"stream") == b"k" * 32
    with pytest.raises(WrappingKeyError):
        WrappingKeys(tmp_path, MASTER).unwrap(wrapped, 7, b"stream")  # the master secret alone opens nothing


def test_each_epoch_has_a_key_of_its_own_in_kms(kms: Any, tmp_path: Path) -> None:
    ring = keys(tmp_path, kms)
    for epoch in (7, 8):
        ring.wrap(b"key", epoch, b"")
    ids = {kms.describe_key(KeyId=f"alias/bespoke-shop-{e}")["KeyMetadata"]["KeyId"] for e in (7, 8)}
    assert len(ids) == 2


def test_destroying_an_epoch_takes_the_file_and_schedules_its_kms_key(kms: Any, tmp_path: Path) -> None:
    ring = keys(tmp_path, kms)
    wrapped = {epoch: ring.wrap(b"key", epoch, b"") for epoch in (7, 8)}
    gone = ring.destroy(7)
    assert (gone.epoch, gone.service) == (7, "aws")
    assert gone.final_at is not None
    assert abs(gone.final_at - datetime.now(UTC) - timedelta(days=WINDOW_DAYS)) < timedelta(hours=1)
    assert (state(kms, 7), state(kms, 8)) == ("PendingDeletion", "Enabled")
    assert ring.epochs() == [8]
    assert ring.unwrap(wrapped[8], 8, b"") == b"key"
    with pytest.raises(WrappingKeyError):
        ring.unwrap(wrapped[7], 7, b"")
    again = ring.destroy(7)  # a run that was cut short is done again
    assert again.final_at is not None


def test_files_sealed_under_the_master_secret_open_after_kms_was_brought_in(kms: Any, tmp_path: Path) -> None:
    before = WrappingKeys(tmp_path, MASTER).wrap(b"key", 7, b"")
    ring = keys(tmp_path, kms)
    ring.wrap(b"key", 8, b"")
    assert ring.unwrap(before, 7, b"") == b"key"
    assert (ring.destroy(7).service, ring.destroy(8).service) == ("key", "aws")


def test_another_namespace_does_not_open_it(kms: Any, tmp_path: Path) -> None:
    wrapped = keys(tmp_path, kms).wrap(b"key", 7, b"")
    with pytest.raises(WrappingKeyError):
        keys(tmp_path, kms, "other").unwrap(wrapped, 7, b"")


def test_two_who_make_an_epochs_key_at_once_share_one(kms: Any) -> None:
    class Late(AwsKeys):
        """Saw no key, since the other one's was made just afterwards."""

        looked = False

        def _existing(self, epoch: int) -> str | None:
            seen, self.looked = self.looked, True
            return super()._existing(epoch) if seen else None

    AwsKeys("shop", client=kms).make(7)
    AwsKeys("shop", client=kms).open(7, Late("shop", client=kms).make(7))
    states = [kms.describe_key(KeyId=k["KeyId"])["KeyMetadata"]["KeyState"] for k in kms.list_keys()["Keys"]]
    assert sorted(states) == ["Enabled", "PendingDeletion"]


def test_a_kms_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("kms", region_name="eu-central-1", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="KMS does not answer"):
        AwsKeys("shop", client=client).make(7)
