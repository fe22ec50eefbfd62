"""Linking persons: one record online against an index of many, and a million records at once.

``python -m benchmarks.privacy.linking [--persons N] [--batch N]``; the last line is JSON.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from adapters.keys import Keyring
from adapters.keys.wrapping import WrappingKeys
from adapters.postgres import Database
from adapters.redis.identity import RedisIdentityIndex
from adapters.splink import engine
from app.identities.index import index_of
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.privacy.people import People, Told
from ml.identity.fields import Prepared, prepared
from ml.identity.model import IdentityModel
from ml.identity.online import Linker, named_keys
from ml.identity.score import Scorer
from readmodels.identity import Entry, Node, Said, Secret

PERSONS, LOOKED, WARM, BATCH, TRAINED_ON = 100_000, 2_000, 100, 1_000_000, 20_000
TOGETHER = 2_000


def trained(count: int = TRAINED_ON, seed: int = 5) -> IdentityModel:
    """A model of so many made-up records, two in five of them of somebody who has another."""
    people = People(seed)
    told = [people.person() for _ in range(count * 4 // 5)]
    told += [people.again(each) for each in told[: count - len(told)]]
    return engine.train([prepared(each) for each in told])


def entry(told: Told) -> Entry:
    """As the log's events of one account would make it."""
    said = {field: Said(1, 1, value) for field, value in told.items() if field != "email"}
    return Entry(Node(2, "user"), Secret("u", said), ())


def link_p99_ms(persons: int = PERSONS, looked: int = LOOKED) -> float:
    """From a new record to what is to be recorded of it: blocks, candidates, scores, clusters; in ms, the 99th of 100.

    Real servers; the process that links knows no candidate and no key of one before.
    """
    model = trained()
    with installation() as wiring:
        people, index = People(7), index_of(wiring, model.version)
        known = list(_filled(wiring, index, people, persons))
        return float(np.percentile(_timed(wiring, model, people, known, looked), 99))


def _timed(wiring: Wiring, model: IdentityModel, people: People, known: Sequence[Told], looked: int) -> list[float]:
    """Half of the new records are of somebody who is known."""
    folder = wiring.settings.wrapping_folder()
    database = Database(wiring._url("keys"))
    keyring = Keyring(database, WrappingKeys(folder, wiring.master))
    made = index_of(wiring, model.version)
    index = RedisIdentityIndex(wiring.redis, keyring, wiring.settings.namespace, model.version, made._secret)
    linker, times = Linker(Scorer(model), index), list[float]()
    step = max(1, len(known) // looked)
    found = 0
    for number in range(looked + WARM):
        told = people.again(known[number * step % len(known)]) if number % 2 else people.person()
        stream = uuid4()
        keyring.add_streams([stream])
        new = {stream: entry(told)}
        began = time.perf_counter()
        acts = linker.settle(linker.take(new, {}))
        times.append((time.perf_counter() - began) * 1000)
        found += bool(acts)
    database.close()
    ms = np.array(times[WARM:])
    said = ", ".join(f"p{p} {np.percentile(ms, p):.2f}" for p in (50, 95, 99))
    print(f"linked {found} of {looked + WARM} new records online: {said} ms", file=sys.stderr)
    return times[WARM:]


def _filled(wiring: Wiring, index: RedisIdentityIndex, people: People, persons: int) -> Iterator[Told]:
    """The index of so many people who have one record each."""
    began, told = time.perf_counter(), iter([people.person() for _ in range(persons)])
    while some := list(islice(told, TOGETHER)):
        streams = [uuid4() for _ in some]
        wiring.keyring.add_streams(streams)
        entries: dict[UUID, Entry] = {}
        blocks: list[tuple[Any, ...]] = []
        for stream, each in zip(streams, some, strict=True):
            made = entry(each)
            compared = prepared({name: said.value for name, said in made.secret.told.items()})
            names = index.names(named_keys(compared))
            entries[stream] = Entry(made.node, Secret("u", made.secret.told, compared), names)
            blocks += [("SADD", index._block(name), stream.bytes) for name in names]
        index.write(entries)
        pipe = wiring.redis.pipeline(transaction=False)
        for call in blocks:
            pipe.execute_command(*call)
        pipe.execute()
        yield from some
    print(f"{persons:,} persons in the index after {time.perf_counter() - began:.0f} s", file=sys.stderr)


@contextmanager
def installation() -> Iterator[Wiring]:
    """Servers and a namespace that are thrown away."""
    with TemporaryDirectory(prefix="bespoke-linking-") as folder:
        settings = Settings(var=Path(folder) / "var", postgres_url=None, redis_url=None)
        with Wiring(settings) as wiring:
            wiring.provision()
            yield wiring


def batch_link_1m_s(records: int = BATCH) -> float:
    """Records, as prepared, to persons, by the engine for whole files on all cores, in s; training is before."""
    model, told = trained(), _records(records)
    began = time.perf_counter()
    pairs = engine.score(told, model)
    persons = engine.persons(told, pairs, model)
    seconds = time.perf_counter() - began
    print(
        f"{records:,} records, {len(pairs.one):,} pairs, {len(persons):,} persons of several: {seconds:.0f} s",
        file=sys.stderr,
    )
    return seconds


def measure() -> dict[str, Any]:
    """Both figures, for ``python -m benchmarks.privacy``."""
    return {"link_p99_ms": round(link_p99_ms(), 3), "batch_link_1m_s": round(batch_link_1m_s(), 1)}


def _records(count: int) -> list[Prepared]:
    """One in five is another record of somebody."""
    people, found, told = People(11), list[Prepared](), dict[str, str]()
    for number in range(count):
        told = people.again(told) if number % 5 == 4 else people.person()
        found.append(prepared(told))
    return found


def main() -> None:
    """Both figures, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--batch", type=int, default=BATCH)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    figures: dict[str, float] = {}
    if given.persons:
        figures["link_p99_ms"] = round(link_p99_ms(given.persons), 3)
    if given.batch:
        figures["batch_link_1m_s" if given.batch == BATCH else "batch_link_s"] = round(batch_link_1m_s(given.batch), 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
