"""Every reader that the product has, and what each says of a person."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from kafka import KafkaConsumer, TopicPartition

from adapters.kafka.envelope import PoisonError
from adapters.rights.as_html import as_html
from adapters.rights.as_json import as_json
from adapters.rights.requests import access_cases
from app.identities import link as linking
from app.identities import model as training
from app.identities import review as reviewing
from app.identities.entries import all_entries
from app.reporting import attribution, exposed_persons
from app.rights.exporting import exports_of
from app.training import training_set
from app.wiring import Wiring
from domain.identity import Identifier
from ml.artefacts import ArtefactError, digests, open_
from projections.attribution.rules import Rules as Counting
from projections.examples import Rules
from queries.attribution_report import Asked
from queries.cases import Cases
from queries.moment import Moment
from queries.reader import Queries
from tests.app.erasing.hunt.canaries import canaries, mark

THEN = Moment(datetime.now(UTC) + timedelta(days=1))
YEAR_MS = 366 * 86_400_000


def asked(wiring: Wiring, ask: Callable[[Queries], Any]) -> Any:
    """What the read side answers."""

    async def run() -> Any:
        reader = wiring.reader()
        await reader.start()
        try:
            return await ask(wiring.queries(reader))
        finally:
            await reader.close()

    return asyncio.run(run())


def _queried(wiring: Wiring, streams: list[UUID]) -> dict[str, Any]:
    """Profiles and events, now and then."""

    async def ask(queries: Queries) -> dict[str, Any]:
        return {
            "profile": [await queries.profile(s) for s in streams],
            "profile then": [await queries.profile(s, THEN) for s in streams],
            "events": [await queries.events(s, 500) for s in streams],
            "events then": [await queries.events(s, 500, THEN) for s in streams],
        }

    found: dict[str, Any] = asked(wiring, ask)
    return found


def _letters(wiring: Wiring) -> list[str]:
    found = []
    for listed in wiring.dead_letters.latest(100, replayed=True):
        try:
            found.append(wiring.dead_letters.open(listed.id, wiring.envelope).model_dump_json())
        except PoisonError as poison:
            found.append(repr(listed) + repr(poison))
    return found


def _redis(wiring: Wiring) -> dict[str, list[str]]:
    """Every key of the namespace, and what it holds; apart from what statistics are made of."""
    found: dict[str, list[str]] = {"redis": [], "statistics": []}
    client: Any = wiring.redis
    read: dict[bytes, Callable[[Any], Any]] = {
        b"hash": client.hgetall,
        b"string": client.get,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"stream": client.xrange,
    }
    for key in client.scan_iter(match=f"{wiring.settings.namespace}:*", count=1000):
        whose = "statistics" if b":statistics:" in key else "redis"
        found[whose].append(repr(key) + repr(read[client.type(key)](key)))
    return found


def on_topic(wiring: Wiring) -> list[Any]:
    """Every record that lies there."""
    options = {name: value for name, value in wiring.broker.options.items() if name != "client_id"}
    consumer = KafkaConsumer(**options, enable_auto_commit=False, consumer_timeout_ms=2_000)
    topic = wiring.broker.topic
    try:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        return list(consumer)
    finally:
        consumer.close()


def opened(wiring: Wiring, records: list[Any]) -> list[str]:
    """What the product makes of records: those that it can still open."""
    found = []
    for record in records:
        try:
            found.append(wiring.envelope.open(record.key, record.value, record.headers).model_dump_json())
        except PoisonError as poison:
            found.append(repr(poison) + repr(poison.data))
    return found


def _models(wiring: Wiring) -> list[str]:
    """What artefacts name, those before the ones in use too."""
    folder, found = wiring.settings.models_folder(), list[str]()
    for digest in digests(folder):
        try:
            artefact = open_(folder, digest)
            found.append(repr(artefact.manifest) + repr(artefact.item_names()))
        except ArtefactError:
            continue
    return found


def _generations(wiring: Wiring) -> list[str]:
    """What published statistics say that old answers were made of."""
    with psycopg.connect(wiring._url("catalogue")) as connection:
        rows = connection.execute("SELECT kind, digest FROM generations_kept").fetchall()
    return [repr(wiring.kept_generations.load(kind, digest)) for kind, digest in rows]


def _rights(wiring: Wiring, streams: list[UUID]) -> dict[str, Any]:
    """What the person may have, and what officers see."""
    exports, now = exports_of(wiring), datetime.now(UTC)
    dossiers = [found for stream in streams if (found := exports.dossier(stream, now))]
    cases = Cases(exports, wiring.catalogue, wiring.receipts)
    return {
        "export": [b"".join(as_json(found)).decode() for found in dossiers],
        "export to read": [b"".join(as_html(found)).decode() for found in dossiers],
        "case": [repr(cases.case(stream, moment)) for stream in streams for moment in (Moment(), THEN)],
        "requests for access": repr(access_cases(wiring.customers)),
        "audit": repr(wiring.audit.latest(200, streams=streams)),
    }


def _identities(wiring: Wiring, streams: list[UUID]) -> dict[str, Any]:
    index = linking.index_of(wiring, training.in_use(wiring).version)
    told = all_entries(wiring)
    return {
        "identity index": repr(index.entries(streams)),
        "identity entries": repr([told.get(stream) for stream in streams]),
        "review queue": repr([q for q in reviewing.questions(wiring, 100) if {q.one, q.other} & {*streams}]),
    }


def _reports(wiring: Wiring) -> dict[str, Any]:
    heads = training_set.heads(wiring)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    wanted = Asked(("linear",), now_ms - YEAR_MS, now_ms + YEAR_MS, Counting())
    attribution.publish(wiring, wanted)
    return {
        "attribution": repr(attribution.made(wiring, wanted, heads)),
        "touches": repr(attribution.read(wiring, heads)),
        "published": repr([asdict(v) for last in wiring.published.latest() for v in wiring.published.of(last.key)]),
        "experiment": repr(exposed_persons.read(wiring, mark("variant"), "EUR", heads)),
        "training set": repr(training_set.read(wiring, Rules())),
        "models": _models(wiring),
    }


def read_all(wiring: Wiring, streams: list[UUID], names: list[Identifier]) -> dict[str, Any]:
    """What each reader says."""
    return {
        **_queried(wiring, streams),
        **_rights(wiring, streams),
        **_identities(wiring, streams),
        **_reports(wiring),
        **_redis(wiring),
        "receipts": [repr(each) for each in wiring.receipts.all_of_person(streams)],
        "letters": _letters(wiring),
        "records": [repr(records.load(streams)) for records in wiring.records],
        "generations kept": _generations(wiring),
        "parts": [repr(records.load_part()) for records in wiring.records],
        "log": [repr(list(log.streams(streams))) for log in wiring.customers],
        "rescue": repr(wiring.kept.records(streams)),
        "directory": repr([wiring.directory.find(who) for who in names]),
        "topic": opened(wiring, on_topic(wiring)),
    }


def hits(answers: dict[str, Any]) -> dict[str, set[str]]:
    """Reader → the canaries that it tells."""
    words = set().union(*canaries().values())
    texts = {
        name: repr(answer) + msgspec.json.encode(answer, enc_hook=repr).decode() for name, answer in answers.items()
    }
    found = {name: {word for word in words if word in text} for name, text in texts.items()}
    return {name: seen for name, seen in found.items() if seen}
