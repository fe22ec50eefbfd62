"""The index of linking made of a log: at once, and one event after another.

``python -m benchmarks.privacy.filling``; the last line is JSON.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.identities import index
from app.identities import link as linking
from app.identities.model import in_use
from app.wiring import Wiring
from benchmarks.privacy.linking import installation, trained
from benchmarks.privacy.people import People, Told
from benchmarks.where import where
from commands.identify import Identify
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Details
from ml.artefacts import Position, write
from ml.identity.model import IdentityModel
from ml.identity.stored import draft

RECORDS, BATCH = 20_000, 500
FIELDS = {"born": "birth_date", "street": "street", "city": "city", "postcode": "postcode"}


def main() -> None:
    """Both rates, in one run on one log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    model = trained()
    with installation() as wiring:
        record(wiring, given.records)
        use(wiring, model)
        first = linking.fill(wiring)  # records the ties: what is compared below records none
        slow_s, slow_cpu_s = timed(lambda: one_by_one(wiring))
        fast_s, fast_cpu_s = timed(lambda: linking.fill(wiring))
    print(f"{first.streams:,} records, {first.pairs:,} pairs, {first.ties:,} ties", file=sys.stderr)
    figures = {
        "fill_records_per_s": round(first.streams / fast_s),
        "fill_records_per_cpu_s": round(first.streams / fast_cpu_s),
        "one_by_one_records_per_s": round(first.streams / slow_s),
        "one_by_one_records_per_cpu_s": round(first.streams / slow_cpu_s),
        "times_faster": round(slow_s / fast_s, 1),
    }
    print(json.dumps(figures | where()))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and those that this process was at work."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def record(wiring: Wiring, count: int) -> None:
    """A log of so many accounts, one in five another one of somebody."""
    bus, at, some = wiring.bus(), datetime.now(UTC), list[Identify]()
    for number, told in enumerate(people(count)):
        name = " ".join(told[part] for part in ("given", "surname") if part in told)
        details = Details.model_validate({ours: told[field] for field, ours in FIELDS.items() if field in told})
        who = (Identifier(kind=IdentifierKind.USER, value=f"u{number}"),)
        base: dict[str, Any] = {"source_id": f"s{number}", "occurred_at": at, "channel": Channel.WEB}
        some.append(Identify(identifiers=who, details=details.model_copy(update={"name": name}), **base))
        if len(some) == BATCH:
            bus.dispatch(some)
            some = []
    bus.dispatch(some)


def people(count: int) -> Iterator[Told]:
    """Mistakes, but none in what has a form of its own."""
    made, told = People(13), dict[str, str]()
    for number in range(count):
        other = made.again(told) if number % 5 == 4 else None
        told = told if other else made.person()
        yield told | {name: other[name] for name in ("given", "surname", "street") if name in other} if other else told


def use(wiring: Wiring, model: IdentityModel) -> None:
    """Puts a model into use."""
    folder: Path = wiring.settings.models_folder()
    digest = write(folder, draft(model, Position(dataset="0" * 64), {})).digest
    wiring.models.promote(digest, at_ms=time.time_ns() // 1_000_000, by="benchmark")


def one_by_one(wiring: Wiring) -> None:
    """As if the index were there and empty."""
    index.drop(wiring)
    by_one = linking.Linking(wiring, in_use(wiring))
    by_one._index.begin()
    by_one._filled = True
    while not by_one.idle:
        by_one.step()


if __name__ == "__main__":
    main()
