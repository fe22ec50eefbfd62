"""From the topic to the log, against a real broker: each record once, whatever stops in between."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from kafka import KafkaConsumer, KafkaProducer

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka import consumer as consuming
from adapters.kafka.consumer import Ingest
from adapters.kafka.producer import Publisher
from app import ingest
from app.wiring import Wiring
from commands.command import Command
from commands.ports import Progress, UnavailableError
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from tests.adapters.kafka.conftest import PARTITIONS, create_topics, ingested, member, source_of
from tests.adapters.kafka.test_envelope import MAIL, view
from tests.app.looking import wait_for

PEOPLE = 40


def views(count: int, begin: int = 0) -> list[Command]:
    """Views by several people, each with a source of its own."""
    return [
        view(f"s{n}", identifiers=(Identifier(kind=IdentifierKind.USER, value=f"u{n % PEOPLE}"),), sku=f"SKU{n}")
        for n in range(begin, begin + count)
    ]


def publish(wiring: Wiring, commands: list[Command]) -> None:
    publisher = Publisher(wiring.broker, wiring.envelope)
    publisher.publish(commands)
    publisher.close()


def recorded(wiring: Wiring) -> list[str]:
    """The SKUs of all views in all shards."""
    events = [e for log in wiring.customers for e in log.decode_all(log.read(0, 100_000))]
    return sorted(e.sku for e in events if isinstance(e, Customer.ProductViewed))


def skus(count: int) -> list[str]:
    return sorted(f"SKU{n}" for n in range(count))


def test_what_is_published_is_recorded_once(topic: Wiring) -> None:
    publish(topic, views(300))
    publish(topic, views(100))  # sent again: other records, the same deliveries
    counts = ingested(topic)
    assert (counts.records, counts.events, counts.dead_letters) == (400, 300, 0)
    assert recorded(topic) == skus(300)
    assert sum(counts.lag.values()) == 0
    source = source_of(topic)
    for log in (*topic.customers, topic.catalogue):
        assert sum(log.consumed(source).values()) == 400
    publish(topic, views(50, begin=300))
    assert ingested(topic).records == 50, "what is stored is not read again"
    assert recorded(topic) == skus(350)


def test_databases_that_stopped_at_different_places_are_read_from_the_least(build: Callable[..., Wiring]) -> None:
    topic = build(shards=3)
    publish(topic, views(200))
    source = source_of(topic)
    topic.customers[1].save((), Progress(source, dict.fromkeys(range(PARTITIONS), 10)))  # as if killed in between
    assert ingested(topic).records == 200
    assert recorded(topic) == skus(200)
    for log in (*topic.customers, topic.catalogue):
        assert sum(log.consumed(source).values()) == 200


def test_killed_between_two_databases_it_doubles_nothing(
    build: Callable[..., Wiring], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = build(shards=2)
    publish(topic, views(200))
    second, saves = topic.customers[1], list[object]()
    save = second.save

    def fail_once(aggregates: object, progress: Progress | None = None) -> int:
        saves.append(progress)
        if len(saves) == 2:
            raise MemoryError("as if killed")
        return save(aggregates, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(second, "save", fail_once)
    monkeypatch.setattr(
        consuming,
        "store",
        lambda bus, letters, batch: bus.dispatch(batch.commands, Progress(batch.source, batch.offsets)),
    )
    with pytest.raises(MemoryError):
        ingested(topic)
    monkeypatch.undo()
    with Wiring(topic.settings) as again:
        ingested(again)
        assert recorded(again) == skus(200)


def test_poison_is_set_aside_encrypted_and_reported(topic: Wiring) -> None:
    producer = KafkaProducer(**topic.broker.options)
    good, names = topic.envelope.seal(view("good"), datetime.now(UTC)), topic.settings.kafka_topic
    broken = topic.envelope.seal(view("bad").model_copy(update={"sku": ""}), datetime.now(UTC))
    for message in (good, broken):
        producer.send(names, key=message.key, value=message.value, headers=list(message.headers))
    producer.send(names, value=b"not ours", headers=[("ce_type", MAIL.encode())])
    producer.send(names, key=b"k", value=None)
    producer.close()
    for _ in range(2):
        counts = ingested(topic)
    letters = topic.dead_letters.latest(10)
    assert sorted((each.type, each.reason) for each in letters) == [
        ("", "ce_specversion: must be 1.0"),
        ("", "ce_specversion: must be 1.0"),
        ("bespoke.RecordView.v1", "sku: not as RecordView wants it"),
    ]
    assert counts.records == 0, "set aside once"
    with topic.dead_letters._database.connection() as connection:
        rows = connection.execute("SELECT row_to_json(dead_letter)::text, sealed FROM dead_letter").fetchall()
    assert all(MAIL not in text and MAIL.encode() not in bytes(sealed) for text, sealed in rows)
    told = KafkaConsumer(topic.settings.kafka_dead_letters, **topic.broker.options, auto_offset_reset="earliest")
    heard = set[bytes]()
    wait_for(lambda: heard.update(r.key for part in told.poll(200).values() for r in part) or len(heard) == 3)
    told.close()
    assert heard == {each.id.bytes for each in letters}


def test_what_was_refused_can_be_taken_once_it_is_right(topic: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Customer, "record", _refuse)
    publish(topic, views(3))
    assert ingested(topic).dead_letters == 3
    letters = topic.dead_letters.latest(10)
    assert {each.reason for each in letters} == {"refused: ValueError"}
    assert set(ingest.replay(topic, [each.id for each in letters]).values()) == {"refused: ValueError"}
    monkeypatch.undo()
    assert set(ingest.replay(topic, [each.id for each in letters]).values()) == {"taken"}
    assert recorded(topic) == skus(3)
    assert topic.dead_letters.latest(10) == []
    assert len(topic.dead_letters.latest(10, replayed=True)) == 3


def _refuse(self: Customer, *args: object, **kwargs: object) -> None:
    raise ValueError("not today")


def test_a_command_that_breaks_harms_no_other(topic: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Customer.record

    def break_one(self: Customer, fact: type, *, source_id: str, **fields: object) -> None:
        if source_id == "s5":
            raise RuntimeError("a fault of ours")
        record(self, fact, source_id=source_id, **fields)

    monkeypatch.setattr(Customer, "record", break_one)
    publish(topic, views(10))
    assert ingested(topic).dead_letters == 1
    assert recorded(topic) == sorted(set(skus(10)) - {"SKU5"})
    assert topic.dead_letters.latest(1)[0].reason == "refused: RuntimeError"


def test_two_members_share_the_topic_and_one_may_leave(topic: Wiring) -> None:
    sent = 300

    def more() -> None:
        nonlocal sent
        publish(topic, views(30, begin=sent))
        sent += 30

    publish(topic, views(sent))
    with Wiring(topic.settings) as elsewhere, member(topic) as (first, leave):
        wait_for(lambda: first.counts.records > 0)
        with member(elsewhere) as (second, _):
            wait_for(lambda: more() or second.counts.records > 0, 60)
            leave.set()
            wait_for(lambda: recorded_count(topic) >= sent, 60)
            more()
            wait_for(lambda: recorded_count(topic) >= sent, 60)
    assert recorded(topic) == skus(sent)


def recorded_count(wiring: Wiring) -> int:
    return max(0, sum(log.head() for log in wiring.customers) - PEOPLE)


def test_a_database_that_is_away_is_waited_for(topic: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(topic, views(120))
    log, refused = topic.customers[0], list[int]()
    save = log.save

    def away(aggregates: object, progress: Progress | None = None) -> int:
        if len(refused) < 2:
            refused.append(1)
            raise UnavailableError("away")
        return save(aggregates, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "save", away)
    assert ingested(topic).records == 120
    assert len(refused) == 2
    assert recorded(topic) == skus(120)


def test_a_broker_made_anew_is_read_from_its_beginning(topic: Wiring, caplog: pytest.LogCaptureFixture) -> None:
    with TemporaryDirectory(prefix="bespoke-broker-") as folder:
        own = EmbeddedBroker(Path(folder) / "broker")
        own.start("first")
        settings = topic.settings.model_copy(update={"kafka_bootstrap": own.address})
        try:
            with Wiring(settings) as wiring:
                create_topics(wiring)
                publish(wiring, views(60))
                with member(wiring):
                    wait_for(lambda: len(recorded(wiring)) == 60)
                    own.stop()
                    own.start("second")
                    create_topics(wiring)
                    publish(wiring, views(100, begin=60))
                    wait_for(lambda: len(recorded(wiring)) == 160, 90)
                assert recorded(wiring) == skus(160)
                assert "made anew" in caplog.text
        finally:
            own.stop()


def test_a_broker_that_is_away_at_the_start_is_waited_for(topic: Wiring, caplog: pytest.LogCaptureFixture) -> None:
    with TemporaryDirectory(prefix="bespoke-broker-") as folder:
        own = EmbeddedBroker(Path(folder) / "broker")
        own.start()
        own.stop()
        try:
            with (
                Wiring(topic.settings.model_copy(update={"kafka_bootstrap": own.address})) as wiring,
                member(wiring),
            ):
                wait_for(lambda: "ingest waits" in caplog.text)
                own.start()
                create_topics(wiring)
                publish(wiring, views(60))
                wait_for(lambda: len(recorded(wiring)) == 60, 90)
        finally:
            own.stop()


def test_memory_is_bounded_while_storing_is_slow(topic: Wiring) -> None:
    publish(topic, views(600))
    sizes: list[int] = []
    member = Ingest(topic.broker, topic.bus(), topic.envelope, topic.dead_letters, batch=50)
    stored = member._stored_now

    def slowly(batch: consuming.Batch) -> bool:
        wait_for(lambda: member._queue.full() or member.counts.records >= 400)
        sizes.append(batch.size + sum(b.size for b in list(member._queue.queue) if b is not None))
        return stored(batch)

    member._stored_now = slowly  # type: ignore[method-assign]
    member.run(threading.Event(), until_caught_up=True)
    assert max(sizes) <= 50 * (consuming.QUEUED + 1)
    assert recorded(topic) == skus(600)
