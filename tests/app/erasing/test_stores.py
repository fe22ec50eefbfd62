"""Every store is swept: receipts, records, letters, jobs, keys in other processes; and again after a restore."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.jobs import Queues
from adapters.kafka.consumer import Batch, skip_erased
from adapters.kafka.dead_letters import Kept, Letter
from adapters.kafka.envelope import NAMES, dump
from app.erasing.reapply import reapply
from app.jobs import worker
from app.jobs.erasing import ACTOR, QUEUE, Erasing
from app.projecting import folding
from app.settings import Settings
from app.sharding.mending import mend
from app.wiring import Wiring
from commands.browse import RecordView
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.privacy import Step
from domain.sharding import shard_of
from queries.decisions import GONE
from queries.recommend.ask import Wanted
from readmodels.erasure import DONE, UNREADABLE
from tests.app.erasing.worlds import (
    ANN,
    ANN_USER,
    BOB,
    IMMEDIATE,
    TABLET,
    erased,
    linked,
    lives,
    projected,
    said,
    stream_of,
    told,
    view,
)
from tests.app.looking import wait_for
from tests.namespaces import namespace

#: An answer that a busy machine makes poorer would have a stranger's receipt.
PATIENT = {"redis_wait_ms": 5_000, "rescue_wait_ms": 5_000, "directory_wait_ms": 5_000}


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, shards=2, **IMMEDIATE, **PATIENT) as built:
        yield built


def test_a_key_goes_from_other_processes_within_a_second(wiring: Wiring) -> None:
    told(wiring, lives())
    ann = stream_of(wiring, ANN)
    with Wiring(wiring.settings, own_servers=False) as elsewhere:
        list(elsewhere.shards.logs[0].streams([ann]))
        list(elsewhere.shards.logs[1].streams([ann]))
        period = next(iter(elsewhere.keyring._periods))
        assert elsewhere.keyring.cipher(ann, period)
        held = elsewhere.keyring.holds
        wiring.keyring.destroy([ann])
        wait_for(lambda: elsewhere.keyring.holds == held - 1, limit_s=1.0)
        assert elsewhere.keyring._ciphers.get(ann.int | period << 128) is None


def test_receipts_records_and_audit_say_nothing_any_more(wiring: Wiring) -> None:
    told(wiring, lives())
    projected(wiring)
    ann, bob = stream_of(wiring, ANN), stream_of(wiring, BOB)
    homes = {stream: wiring.records[shard_of(stream, 2)] for stream in (ann, bob)}
    for stream, home in homes.items():
        home.save(wiring.kept.records([stream]))

    async def answered() -> list[UUID]:
        reader, keeper = wiring.reader(), wiring.keeper()
        await reader.start()
        keeper.start()
        try:
            queries = wiring.queries(reader, keeper=keeper)
            return [(await queries.recommend(Wanted("home", 3), who)).decision_id for who in (ann, bob)]
        finally:
            await reader.close()
            await asyncio.to_thread(keeper.close)

    mine, theirs = asyncio.run(answered())
    assert wiring.receipts.find(mine) not in (None, GONE)
    status = erased(wiring, ANN)
    assert wiring.receipts.find(mine) is GONE
    assert wiring.receipts.find(theirs) not in (None, GONE)
    assert status.steps["receipts"].counts == {"receipts": 1}
    assert status.steps["records"].counts == {"records": 1}
    assert [list(home.load([stream])) for stream, home in homes.items()] == [[], [bob]]


def letter(wiring: Wiring, who: Identifier, offset: int) -> Letter:
    command = view(who, "S-1", f"letter {offset}")
    kept = Kept(b"", b"", [], dump(command))
    return Letter("topic", 0, offset, NAMES[RecordView].decode(), "refused: test", kept)


def test_letters_and_waiting_jobs_of_the_person_go(wiring: Wiring) -> None:
    told(wiring, lives())
    ann, bob = stream_of(wiring, ANN), stream_of(wiring, BOB)
    wiring.dead_letters.keep([letter(wiring, ANN, 1), letter(wiring, BOB, 2), letter(wiring, ANN_USER, 3)])
    erasing = Erasing(wiring)
    for stream in (ann, bob):
        erasing.broker.get_actor(ACTOR).send([str(stream)])
    status = erased(wiring, ANN)
    assert status.steps["letters"].counts == {"letters": 2}
    assert [each.offset for each in wiring.dead_letters.latest(10)] == [2]
    assert status.steps["jobs"].counts == {"jobs": 1}
    (left,) = Queues(wiring.redis, wiring.settings.namespace, QUEUE).jobs()
    assert left.arguments == ([str(bob)],)


def test_a_worker_does_what_is_due(wiring: Wiring) -> None:
    told(wiring, lives())
    asked = erased(wiring, BOB)
    assert Erasing(wiring).send_due() == 0
    from app.erasing.asking import Asked, ask  # what the clock finds and the worker does
    from domain.privacy import Method, Source

    request = ask(wiring, Asked(ANN, "key:test", Source.API, Method.LOGIN, approve=True)).request
    erasing, stop = Erasing(wiring), threading.Event()
    assert erasing.send_due() == 1
    assert erasing.send_due() == 0, "it is with a worker"
    thread = threading.Thread(target=worker.follow, args=(wiring, stop))
    thread.start()
    try:
        wait_for(lambda: wiring.erasures.find(request).state == UNREADABLE)  # type: ignore[union-attr]
        erasing.send_follow_up("erasures-daily", 1)
        wait_for(lambda: wiring.erasures.find(request).state == DONE)  # type: ignore[union-attr]
    finally:
        stop.set()
        thread.join()
    done = wiring.erasures.find(asked.request)
    assert done is not None
    assert set(done.steps) == {step.value for step in Step}


def test_an_older_copy_of_the_databases_is_swept_at_the_start(wiring: Wiring) -> None:
    told(wiring, lives())
    ann, user, bob = (stream_of(wiring, who) for who in (ANN, ANN_USER, BOB))
    tables = (("keys", "stream_key"), ("directory", "claim"))
    copies = {}
    for database, table in tables:
        with psycopg.connect(wiring._url(database)) as connection:
            copies[table] = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert reapply(wiring) == 0
    request = erased(wiring, ANN).request
    assert reapply(wiring) == 0
    for database, table in tables:
        with psycopg.connect(wiring._url(database)) as connection:
            connection.execute(f"DELETE FROM {table}")
            with connection.cursor() as cursor:
                marks = ", ".join(["%s"] * len(copies[table][0]))
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", copies[table])
            if table == "stream_key":
                connection.execute("DELETE FROM destroyed_key")
    assert wiring.keyring.living([ann, user]) == {ann, user}
    assert reapply(wiring) == 1
    assert wiring.keyring.living([ann, user, bob]) == {bob}
    assert wiring.directory.claimed([ann, user, bob]) == {bob}
    status = wiring.erasures.find(request)
    assert status is not None
    assert (status.reapplied, status.state) == (1, UNREADABLE)
    assert reapply(wiring) == 0


def test_messages_of_before_are_skipped_and_later_ones_are_of_a_stranger(wiring: Wiring) -> None:
    told(wiring, lives())
    before = datetime.now(UTC)
    erased(wiring, ANN)
    after = datetime.now(UTC)
    commands = [view(ANN, "S-1", 1), view(ANN, "S-1", 2), view(BOB, "S-1", 3), linked(BOB, ANN, 4), linked(ANN, BOB, 5)]
    batch = Batch(1, "topic", list(commands), [(0, n) for n in range(5)], [before, after, before, before, after])
    skipped = skip_erased(batch, wiring.envelope)
    assert skipped + len(batch.commands) == 5
    kept = [(command.source_id, command.identifiers) for command in batch.commands]  # type: ignore[attr-defined]
    assert kept[:2] == [("test:2", (ANN,)), ("test:3", (BOB,))]
    assert ("test:4", (BOB,)) in kept or skipped == 2  # whose it is by precedence: the one first by its text
    assert kept[-1][0] == "test:5"
    assert len(batch.places) == len(batch.published) == len(batch.commands)


def test_what_could_not_be_read_of_before_is_skipped_too(wiring: Wiring) -> None:
    told(wiring, lives())
    before = datetime.now(UTC)
    erased(wiring, ANN)
    after = datetime.now(UTC)
    batch = Batch(1, "topic", lettered=[before, after, before, before])
    batch.letters = [unread(wiring, who, offset) for offset, who in enumerate((ANN, ANN, BOB, None))]
    assert skip_erased(batch, wiring.envelope) == 1
    assert [letter.offset for letter in batch.letters] == [1, 2, 3]
    assert batch.lettered == [after, before, before]


def unread(wiring: Wiring, who: Identifier | None, offset: int) -> Letter:
    """A letter of a record that did not open; None for one that says nothing of whose it is."""
    key = wiring.envelope.pseudonym(who) if who else b""
    return Letter("topic", 0, offset, "", "value: is empty", Kept(key, b"", [], None))


def test_a_link_that_one_side_alone_tells_of_ends_with_the_other(wiring: Wiring) -> None:
    told(wiring, lives())
    ann, tablet = stream_of(wiring, ANN), stream_of(wiring, TABLET)
    laptop = Identifier(kind=IdentifierKind.DEVICE, value="laptop")
    told(wiring, [view(laptop, "S-1", "laptop")])
    log = wiring.bus().log_of(stream := stream_of(wiring, laptop))
    alone = log.load([stream])[stream]
    facts = said("one side")
    alone.link(ann, other_kind=IdentifierKind.EMAIL, evidence="test", **facts)
    log.save([alone])
    erased(wiring, ANN)
    assert mend(wiring) == 1
    assert log.load([stream])[stream].linked == set()
    assert mend(wiring) == 0
    shared = wiring.bus().log_of(tablet).load([tablet])[tablet]
    assert isinstance(shared, Customer)
    assert shared.linked == {stream_of(wiring, BOB)}


def test_fields_of_all_generations_go(wiring: Wiring) -> None:
    told(wiring, lives())
    projected(wiring)
    ann, user = stream_of(wiring, ANN), stream_of(wiring, ANN_USER)
    first = wiring.generations.live()
    second, _ = folding.fold_anew(wiring)
    status = erased(wiring, ANN)
    assert status.steps["redis"].counts == {"fields": 4, "generations": 2}
    for number in (first, second):
        assert all(
            not found.fields and not found.moved_to for found in wiring.people(number).look([ann, user]).values()
        )
    assert uuid4() not in wiring.erasures.erased([ann])
    assert wiring.erasures.erased([ann, user, uuid4()]) == {ann, user}
