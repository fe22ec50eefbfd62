"""The commands, as an operator and an auditor use them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import bespoke
from app.cli.doctor import _rotated
from app.settings import Settings
from app.wiring import Wiring
from tests.app.erasing.worlds import ANN, IMMEDIATE, erased, lives, projected, told
from tests.namespaces import namespace


@pytest.fixture
def wiring(servers: Wiring, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """Found by commands through the environment."""
    with namespace(settings, **IMMEDIATE) as built:
        for name in ("namespace", "var"):
            monkeypatch.setenv(f"BESPOKE_{name.upper()}", str(getattr(built.settings, name)))
        yield built


def asked(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(bespoke, ["privacy", *words, "--json"], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_an_erasure_is_proven_to_somebody_with_the_public_key_alone(wiring: Wiring, tmp_path: Path) -> None:
    told(wiring, lives())
    projected(wiring)
    request = str(erased(wiring, ANN).request)
    proof, key = str(tmp_path / "proof"), str(tmp_path / "key.pem")
    assert asked("bundle", request, "--out", proof, code=1)["holds"] is False  # the projector is behind
    assert not Path(proof).exists()
    projected(wiring)
    assert asked("public-key", "--out", key)["key"] == wiring.signer.verifier.key_id
    made = asked("bundle", request, "--out", proof)
    assert (made["holds"], made["stage"], made["request"]) == (True, "unreadable", request)
    assert asked("verify", proof, "--public-key", key) == made

    rotated = asked("rotate-keys", "--new-epoch")
    assert rotated["destroyed"] == [rotated["epoch"] - 1]
    (old, new) = asked("epochs")["epochs"]
    assert (old["destroyed"] is not None, new["destroyed"]) == (True, None)
    assert asked("bundle", request, "--out", proof)["stage"] == "unrecoverable"
    assert asked("verify", proof, "--public-key", key)["stage"] == "unrecoverable"

    content = Path(proof).read_bytes()
    Path(proof).write_bytes(content.replace(b'"left":0', b'"left":1', 1))
    assert asked("verify", proof, "--public-key", key, code=1)["wrong"] == ["the signature is not of this content"]


def test_expiry_says_what_would_go(wiring: Wiring) -> None:
    told(wiring, lives())
    assert asked("expire", "--dry-run")["periods"] == []
    done = asked("expire")
    assert (done["periods"], done["visitors"], done["rebuilt"]) == ([], 0, 0)


def test_the_doctor_finds_wrapping_keys_that_should_be_gone(wiring: Wiring) -> None:
    told(wiring, lives())
    first = datetime.now(UTC).replace(day=1) + timedelta(days=32)
    for soon in (datetime.now(UTC), first.replace(day=2)):
        assert _rotated(wiring, soon) == "none of earlier months"
    with pytest.raises(OSError, match="1 of earlier months"):
        _rotated(wiring, first.replace(day=4))
