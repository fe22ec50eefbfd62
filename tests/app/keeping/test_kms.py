"""An installation whose wrapping keys are kept by AWS KMS, as moto plays it."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from adapters.keys.rotation import Rotation
from app.erasing.proof import statement
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring
from domain.proof import Stage
from tests.app.erasing.worlds import ANN, BOB, IMMEDIATE, erased, lives, projected, stream_of, told
from tests.namespaces import namespace


@pytest.fixture
def wiring(servers: Wiring, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """With an AWS account of its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), namespace(settings, kms="aws", kms_region="eu-central-1", **IMMEDIATE) as built:
        told(built, lives())
        projected(built)
        yield built


def test_an_erasure_is_unrecoverable_when_nobody_can_take_the_deletion_back(wiring: Wiring) -> None:
    ann = erased(wiring, ANN)
    projected(wiring)
    rotate(wiring, new_epoch=True)
    assert {path.suffix for path in wiring.settings.wrapping_folder().iterdir()} == {".aws"}
    (old, _) = Rotation(wiring.keyring).epochs()
    assert (old.service, old.final_at is not None) == ("aws", True)
    said = statement(wiring, ann.request)
    assert said.stage is Stage.UNREADABLE  # an administrator of the account could still cancel it, for a week
    assert [each.service for each in said.epochs] == ["aws"]
    status = wiring.erasures.find(ann.request)
    assert status is not None
    assert status.unrecoverable_ms == 0
    with Wiring(wiring.settings, own_servers=False) as other:
        streams = {s: e for log in other.customers for s, e in log.streams([stream_of(other, BOB)])}
        assert "ProductViewed" in {type(e).__name__ for events in streams.values() for e in events}
