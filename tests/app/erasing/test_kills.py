"""kill -9 at every step of an erasure, the later ones too: before it, within it, and between what it does and its
record. It comes to its end, and its proof holds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from adapters.proof.bundle import seal, verify
from app.erasing.asking import Asked, ask
from app.erasing.erase import erase
from app.erasing.later import follow_up
from app.erasing.proof import statement
from app.settings import Settings
from app.wiring import Wiring
from domain.privacy import LATER, NOW, Method, Source
from readmodels.erasure import DONE, ErasureStatus
from tests.app.erasing.dying import places_of
from tests.app.erasing.worlds import ANN, ANN_USER, BOB, IMMEDIATE, lives, projected, stream_of, told
from tests.namespaces import namespace

ROOT = Path(__file__).parents[3]


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, shards=2, **IMMEDIATE) as built:
        yield built


def killed(wiring: Wiring, request: UUID, places: list[str]) -> str:
    """``killed``, where a process was at each of these places."""
    environment = os.environ | wiring.settings.environment() | {"PYTHONPATH": str(ROOT)}
    words, line = [sys.executable, "-m", "tests.app.erasing.dying"], f"{request} {' '.join(places)}\n"
    run = subprocess.run(
        words, cwd=ROOT, env=environment, timeout=120, check=True, input=line, capture_output=True, text=True
    )
    return run.stdout.strip()


def status_of(wiring: Wiring, request: UUID) -> ErasureStatus:
    found = wiring.erasures.find(request)
    assert found is not None
    return found


def test_an_erasure_that_is_killed_at_every_step_comes_to_its_end(wiring: Wiring) -> None:
    told(wiring, lives())
    projected(wiring)
    ann, user, bob = (stream_of(wiring, who) for who in (ANN, ANN_USER, BOB))
    request = ask(wiring, Asked(ANN, "key:test", Source.API, Method.LOGIN, approve=True)).request
    assert killed(wiring, request, places_of(NOW)) == "killed"
    assert list(status_of(wiring, request).steps) == [step.value for step in NOW[:-1]]
    assert erase(wiring, [request]) == 1
    assert erase(wiring, [request]) == 1, "once more changes nothing"
    status = status_of(wiring, request)
    assert status.unreadable_ms
    assert list(status.steps) == [step.value for step in NOW]
    assert wiring.keyring.living([ann, user, bob]) == {bob}
    assert wiring.directory.claimed([ann, user, bob]) == {bob}
    projected(wiring)
    live = wiring.generations.live()
    fields = {s for s, (_, field) in wiring.people(live).read([ann, user, bob]).items() if field is not None}
    assert not fields & {ann, user}
    assert bob in fields
    assert_proven(wiring, request)
    assert killed(wiring, request, places_of(LATER)) == "killed"
    assert list(status_of(wiring, request).steps) == [step.value for step in (*NOW, *LATER[:-1])]
    follow_up(wiring)
    assert status_of(wiring, request).state == DONE
    projected(wiring)
    assert_proven(wiring, request)


def assert_proven(wiring: Wiring, request: UUID) -> None:
    assert verify(seal(statement(wiring, request), wiring.signer), wiring.signer.verifier).wrong == ()
