"""The append alone: encoded events → committed, beside a raw COPY of the same rows into a table like it."""

import time
from collections.abc import Sequence

from eventsourcing.persistence import StoredEvent
from psycopg.sql import SQL, Identifier

from adapters.eventlog.recorder import rows
from app.wiring import Wiring
from benchmarks.event_log import clickstream

EVENTS = 100_000
BATCH = 500


def ingest_vs_copy(wiring: Wiring) -> dict[str, float]:
    """The share of raw COPY's speed that the recorder has, batch by batch in turns."""
    recorder = wiring.customers[0].recorder
    batches = _encoded(wiring)
    schema = recorder.datastore.schema
    raw, table = Identifier(schema, "raw_copy"), Identifier(schema, recorder.events_table_name)
    copy = SQL("COPY {} (originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)").format(raw)
    ours = bare = 0.0
    with recorder.datastore.get_connection() as connection:
        connection.execute(SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(raw, table))
        for batch in batches:
            packed = rows(batch)
            began = time.perf_counter()
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(copy) as into:
                into.write(packed)
            between = time.perf_counter()
            recorder.insert_events(batch)
            ours += time.perf_counter() - between
            bare += between - began
        connection.execute(SQL("DROP TABLE {}").format(raw))
    count = sum(map(len, batches))
    return {"ingest_vs_copy": bare / ours, "append_eps": count / ours, "copy_eps": count / bare}


def _encoded(wiring: Wiring) -> Sequence[Sequence[StoredEvent]]:
    """Real events, as the mapper stores them, each under a stream of its own batch."""
    log, bus = wiring.customers[0], wiring.bus()
    for batch in clickstream.batches(clickstream.events(EVENTS, seed=7)):
        bus.dispatch(batch)
    read = list(log.read(0, EVENTS))
    with log.recorder.datastore.get_connection() as connection:
        table = Identifier(log.recorder.datastore.schema, log.recorder.events_table_name)
        connection.execute(SQL("TRUNCATE {}").format(table))
    stored = [StoredEvent(n.originator_id, n.originator_version, n.topic, n.state) for n in read]
    return [stored[start : start + BATCH] for start in range(0, len(stored), BATCH)]
