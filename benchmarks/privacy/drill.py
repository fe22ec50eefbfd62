"""``make drill-erasure``: random histories with and without a person, and erasures killed at random places.

The last line is JSON. ``cases``, and whether the ``histories_failed``. ``rounds``: erasures killed at one to four of
all ``places``, each of which comes about as often. How many were ``left`` with anything undone or anything of the
person; how many proofs, of both stages, did not hold (``proofs_failed``) with the public key alone, and how many held
with a random byte changed (``tampered_accepted``). Exits with 1 unless all of these are 0.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from click.testing import CliRunner

from adapters.proof.bundle import seal
from app.cli import bespoke
from app.erasing.asking import Asked, ask
from app.erasing.erase import erase
from app.erasing.later import follow_up
from app.erasing.proof import statement
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.where import where
from domain.privacy import Method, Source
from domain.proof import Stage
from readmodels.erasure import DONE

ROOT = Path(__file__).parents[2]
#: Rounds between two rotations of the wrapping keys: a month has 99 epochs at the most.
ROTATED = 5
FAULTS = ("histories_failed", "left", "proofs_failed", "tampered_accepted")


def main() -> None:
    """Exits with 1 where anything is not as it should be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--seed", type=int, default=6)
    given = options.parse_args()
    began = perf_counter()
    found: dict[str, Any] = {"cases": given.cases, "histories_failed": _histories(given.cases) if given.cases else 0}
    found |= _rounds(given.rounds, given.seed) if given.rounds else {}
    print(json.dumps(found | {"seconds": round(perf_counter() - began, 1)} | where()))
    sys.exit(any(found.get(name) for name in FAULTS))


def _histories(cases: int) -> int:
    environment = os.environ | {"BESPOKE_ERASURE_CASES": str(cases), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "pytest", "-q", "tests/projections/test_erased.py"]
    return subprocess.run(words, cwd=ROOT, env=environment, check=False, stdout=sys.stderr).returncode


@dataclass(slots=True)
class Tally:
    """What came of the rounds. ``places``: where there were kills; ``waiting``: erasures whose wrapping keys live."""

    left: int = 0
    proofs_failed: int = 0
    tampered_accepted: int = 0
    places: set[str] = field(default_factory=set)
    waiting: list[UUID] = field(default_factory=list)


def _rounds(rounds: int, seed: int) -> dict[str, Any]:
    """Each round erases somebody, is killed at some places, is finished, and is proven."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(prefix="bespoke-drill-") as folder, _world(Path(folder)) as wiring:
        prove, deck = Prover(wiring, _public_key(wiring, Path(folder)), chance, tally), _deck(chance)
        with _killer(wiring.settings) as killer:
            for number in range(1, rounds + 1):
                request, places = _asked(wiring, number), next(deck)
                killer(request, places)
                tally.places |= {*places}
                _finished(wiring, request, prove, tally)
                if number % ROTATED == 0 or number == rounds:
                    _rotated(wiring, prove, tally)
                print(f"round {number}: {' '.join(places)}", file=sys.stderr)
    told = {name: getattr(tally, name) for name in FAULTS[1:]}
    return {"rounds": rounds, **told, "places": len(tally.places), "seed": seed}


def _asked(wiring: Wiring, number: int) -> UUID:
    """A request to erase somebody who has just done something."""
    from tests.app.erasing.worlds import lives_of, projected, told  # the drill's people are the tests'

    who, commands = lives_of(number)
    told(wiring, commands)
    projected(wiring)
    return ask(wiring, Asked(who, "drill", Source.CLI, Method.LOGIN, approve=True)).request


def _finished(wiring: Wiring, request: UUID, prove: "Prover", tally: Tally) -> None:
    """As the process does that comes after those that were killed; looks what it has left."""
    from tests.app.erasing.worlds import projected

    erase(wiring, [request])
    projected(wiring)
    prove(request, Stage.UNREADABLE)
    follow_up(wiring)
    tally.left += not _is_gone(wiring, request)
    tally.waiting.append(request)


@contextmanager
def _world(folder: Path) -> Iterator[Wiring]:
    settings = Settings(
        var=folder / "var",
        namespace="drill",
        shards=2,
        erasure_window_h=0,
        erasure_four_eyes=False,
        postgres_url=None,
        redis_url=None,
    )
    with Wiring(settings) as wiring:
        wiring.provision()
        yield wiring


def _deck(chance: random.Random) -> Iterator[list[str]]:
    """One to four places in the order of an erasure; all of them come about as often."""
    from tests.app.erasing.dying import PLACES

    cards: list[int] = []
    while True:
        wanted, drawn = chance.randint(1, 4), set[int]()
        while len(drawn) < wanted:
            cards = cards or chance.sample(range(len(PLACES)), len(PLACES))
            drawn.add(cards.pop())
        yield [PLACES[card] for card in sorted(drawn)]


@contextmanager
def _killer(settings: Settings) -> Iterator[Any]:
    """Has a request erased by processes that are killed at some places, one after the other."""
    environment = os.environ | settings.environment() | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.app.erasing.dying"]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def kill(request: UUID, places: list[str]) -> None:
            print(request, *places, file=process.stdin, flush=True)
            answer = process.stdout.readline().strip()  # type: ignore[union-attr]
            if answer != "killed":
                raise RuntimeError(f"nothing was killed at {answer or 'the first place'}")

        yield kill
        process.stdin.close()


def _public_key(wiring: Wiring, folder: Path) -> Path:
    """All that whoever verifies has."""
    file = folder / "public.pem"
    file.write_bytes(wiring.signer.verifier.pem())
    return file


@dataclass(slots=True)
class Prover:
    """Has a proof made, verified as an auditor does, and verified again with a byte changed."""

    wiring: Wiring
    public: Path
    chance: random.Random
    tally: Tally

    def __call__(self, request: UUID, stage: Stage) -> None:
        sealed = seal(statement(self.wiring, request), self.wiring.signer)
        told = self._verified(sealed)
        self.tally.proofs_failed += told.get("holds") is not True or told.get("stage") != stage.value
        at = self.chance.randrange(len(sealed))
        other = bytes([sealed[at] ^ self.chance.randint(1, 255)])
        self.tally.tampered_accepted += self._verified(sealed[:at] + other + sealed[at + 1 :]).get("holds") is not False

    def _verified(self, sealed: bytes) -> dict[str, Any]:
        file = self.public.with_name("erasure.proof")
        file.write_bytes(sealed)
        words = ["privacy", "verify", str(file), "--public-key", str(self.public), "--json"]
        answer = CliRunner().invoke(bespoke, words)
        told: dict[str, Any] = json.loads(answer.stdout)
        assert (answer.exit_code == 0) == told["holds"], "what it says is what it ends with"
        return told


def _rotated(wiring: Wiring, prove: Prover, tally: Tally) -> None:
    """The wrapping keys of the time go: all that was erased before is unrecoverable."""
    rotate(wiring, new_epoch=True)
    for request in tally.waiting:
        prove(request, Stage.UNRECOVERABLE)
    tally.waiting.clear()


def _is_gone(wiring: Wiring, request: UUID) -> bool:
    status = wiring.erasures.find(request)
    if status is None or status.state != DONE:
        return False
    looked = wiring.people(wiring.generations.live()).look(status.streams)
    return (
        not wiring.keyring.living(status.streams)
        and not wiring.directory.claimed(status.streams)
        and not {s for found in looked.values() for s in found.fields}.intersection(status.streams)
    )


if __name__ == "__main__":
    main()
