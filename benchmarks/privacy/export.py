"""Everything about a person with 100,000 events and 2,000 decisions, written as JSON and as HTML by a process of its
own: ``python -m benchmarks.privacy.export``. Seconds from an id to both files on disk, and the process' peak memory.
"""

import argparse
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.receipts.form import encode
from app.rights.exporting import exports_of, save, targets
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.where import where
from commands.browse import RecordView
from commands.identify import Identify
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Details
from queries.recommend.decision import Decision, Generations, Shown
from queries.recommender import new_id

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 1_000
DECISIONS = 2_000
WHO = (
    Identifier(kind=IdentifierKind.USER, value="u-1"),
    Identifier(kind=IdentifierKind.EMAIL, value="maria@example.org"),
    Identifier(kind=IdentifierKind.ANONYMOUS, value="8f0c6f4e-7a7b-4b0e-9d43-0d6d3f5b8a11"),
)


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--export", metavar="VAR", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.export:
        print(json.dumps(exported(Path(given.export))))
        return
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = settings_in(Path(folder))
        with Wiring(settings) as wiring:
            wiring.provision()
            seed(wiring, given.events)
            asked = [sys.executable, "-m", "benchmarks.privacy.export", "--export", folder]
            told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    print(json.dumps({"events": given.events, **json.loads(told.splitlines()[-1]), **where()}))


def settings_in(folder: Path) -> Settings:
    """Of an installation in a folder."""
    return Settings(var=folder, namespace="export", postgres_url=None, redis_url=None)


def seed(wiring: Wiring, events: int) -> None:
    """One person's events on three streams, and decisions for them."""
    bus, base = wiring.bus(), {"channel": Channel.WEB}
    details = Details(name="Maria Rossi", city="Rome", birth_date="1990-05-05")
    bus.dispatch([Identify(source_id="who", occurred_at=START, identifiers=WHO, details=details, **base)])
    for begin in range(0, events, BATCH):
        bus.dispatch(
            [
                RecordView(
                    source_id=f"v{number}",
                    occurred_at=START + timedelta(seconds=number),
                    identifiers=(WHO[number % len(WHO)],),
                    sku=f"SKU-{number % 5_000:06d}",
                    category="Dresses",
                    price_cents=4_990,
                    currency="EUR",
                    device="mobile",
                    location="Rome, IT",
                    **base,
                )
                for number in range(begin, min(begin + BATCH, events))
            ]
        )
    person = min(filter(None, map(wiring.directory.find, WHO)))
    for begin in range(0, DECISIONS, BATCH):
        wiring.receipts.add([encode(decision(person)) for _ in range(begin, min(begin + BATCH, DECISIONS))])


def decision(person: UUID) -> Decision:
    """An answer of 20 items."""
    score = struct.pack("<f", 0.5)
    items = tuple(
        Shown(f"SKU-{n:06d}", score, struct.pack("<f", 1.0), "session", "because_viewed", "SKU-000001")
        for n in range(20)
    )
    at_ms = int(START.timestamp() * 1000)
    return Decision(new_id(), "home", at_ms, 20, person, ((person, 5),), Generations(), "full", {}, items)


def exported(folder: Path) -> dict[str, Any]:
    """Attached to the servers that run already."""
    with Wiring(settings_in(folder), own_servers=False) as wiring:
        began = time.perf_counter()
        stream = wiring.directory.find(WHO[1])
        found = exports_of(wiring).dossier(stream, datetime.now(UTC)) if stream else None
        if found is None:
            raise RuntimeError("nobody is known by that")
        written = save(targets(folder / "out"), found)
        taken = time.perf_counter() - began
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # before the files are read again
    told = json.loads((folder / "out" / "export.json").read_bytes())
    return {
        "export_100k_s": round(taken, 2),
        "bytes": written,
        "told_events": len(told["events"]),
        "told_decisions": len(told["decisions"]),
        "peak_mb": peak_mb,
    }


if __name__ == "__main__":
    main()
