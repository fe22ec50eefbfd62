"""``make drill-erasure``: random histories with and without a person, and erasures killed at random places.

The last line is JSON: ``cases``, ``rounds``, and how many of the rounds were ``left`` unfinished (0, or it failed).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from app.erasing.asking import Asked, ask
from app.erasing.erase import erase
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.where import where
from domain.privacy import NOW, Method, Source

ROOT = Path(__file__).parents[2]
PLACES = [f"{step.value}:{when}" for step in NOW for when in ("before", "between")]


def main() -> None:
    """Exits with 1 where anything is not as it should be."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--seed", type=int, default=6)
    given = options.parse_args()
    failed = _histories(given.cases) if given.cases else 0
    found: dict[str, Any] = {"cases": given.cases, "histories_failed": failed}
    found |= _kills(given.rounds, given.seed) if given.rounds else {}
    print(json.dumps(found | where()))
    sys.exit(bool(failed or found.get("left")))


def _histories(cases: int) -> int:
    environment = os.environ | {"BESPOKE_ERASURE_CASES": str(cases), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "pytest", "-q", "tests/projections/test_erased.py"]
    return subprocess.run(words, cwd=ROOT, env=environment, check=False, stdout=sys.stderr).returncode


def _kills(rounds: int, seed: int) -> dict[str, Any]:
    """Each round erases somebody and is killed at some places, in the order of the steps; then it is finished."""
    from tests.app.erasing.worlds import lives_of, projected, told  # the drill's people are the tests'

    chance, left = random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="bespoke-drill-") as folder:
        settings = Settings(
            var=Path(folder),
            namespace="drill",
            shards=2,
            erasure_window_h=0,
            erasure_four_eyes=False,
            postgres_url=None,
            redis_url=None,
        )
        with Wiring(settings) as wiring:
            wiring.provision()
            for number in range(rounds):
                who, commands = lives_of(number)
                told(wiring, commands)
                projected(wiring)
                request = ask(wiring, Asked(who, "drill", Source.CLI, Method.LOGIN, approve=True)).request
                places = sorted(chance.sample(range(len(PLACES)), chance.randint(1, 4)))
                _killed(settings, request, [PLACES[place] for place in places])
                erase(wiring, [request])
                left += not _is_gone(wiring, request)
    return {"rounds": rounds, "left": left, "seed": seed}


def _killed(settings: Settings, request: UUID, places: list[str]) -> None:
    environment = os.environ | settings.environment() | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.app.erasing.dying", str(request), *places]
    subprocess.run(words, cwd=ROOT, env=environment, check=True)


def _is_gone(wiring: Wiring, request: UUID) -> bool:
    status = wiring.erasures.find(request)
    if status is None or not status.unreadable_ms:
        return False
    looked = wiring.people(wiring.generations.live()).look(status.streams)
    return (
        not wiring.keyring.living(status.streams)
        and not wiring.directory.claimed(status.streams)
        and not {s for found in looked.values() for s in found.fields}.intersection(status.streams)
    )


if __name__ == "__main__":
    main()
