"""Namespaces of their own for tests, on servers that run already.

To make seven databases takes longer than most tests, so one that is given back is emptied and given out again, unless
its test has left another schema behind.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from adapters import redis as redis_adapter
from adapters.postgres import Connection, database_url
from app.settings import Settings
from app.wiring import DATABASES, Wiring

#: Settings that say which servers there are.
ELSEWHERE = ("postgres_url", "redis_url", "shard_urls")
ALONE = sql.SQL("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()""")
#: All that is not a row: columns, indexes, triggers and whether they are on, functions.
SHAPE = sql.SQL("""
SELECT n.nspname, c.relname, c.relkind::text, a.attname, a.atttypid::regtype::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE n.nspname !~ '^(pg_|information_schema)'
UNION ALL SELECT '', tgname, tgenabled::text, tgrelid::regclass::text, '' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT '', proname, '', md5(prosrc), '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4, 5""")
TABLES = sql.SQL("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'")
COUNTED = sql.SQL("SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
ROWS = sql.SQL("SELECT jsonb_agg(t)::text FROM {} t")
FILL = sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_recordset(NULL::{0}, %s::jsonb)")


@dataclass(frozen=True, slots=True)
class _New:
    """How a database is when it was just provisioned. ``rows``: of the tables that have any, as JSON."""

    shape: list[tuple[Any, ...]]
    rows: Mapping[tuple[str, str], str]


_free: dict[tuple[str, int], list[tuple[str, dict[str, _New]]]] = defaultdict(list)


@contextmanager
def namespace(settings: Settings, **changes: Any) -> Iterator[Wiring]:
    """A provisioned namespace with these settings changed, empty, and nobody else's until it is given back."""
    own = settings.model_copy(update=changes)
    free = _free[str(own.var), own.shards]
    again = not any(name in changes for name in ELSEWHERE)
    name, new = free.pop() if again and free else (f"t_{uuid4().hex[:12]}", None)
    with Wiring(own.model_copy(update={"namespace": name})) as built:
        built.provision()
        if again and new is None:
            new = {each: _new(built, each) for each in DATABASES}
        try:
            yield built
        finally:
            built._stack.close()
            if new is not None and all(_emptied(built, each, new[each]) for each in DATABASES):
                _wipe(built)
                free.append((name, new))
            else:
                built.drop()


def _new(wiring: Wiring, name: str) -> _New:
    with _connect(wiring, name) as connection:
        found = {table: _rows(connection, table) for table in _tables(connection)}
        return _New(connection.execute(SHAPE).fetchall(), {table: rows for table, rows in found.items() if rows})


def _emptied(wiring: Wiring, name: str, new: _New) -> bool:
    """Whether it is as it was again; not where it has another shape."""
    with _connect(wiring, name) as connection:
        connection.execute(ALONE)
        connection.execute("SET session_replication_role = replica")  # no trigger forbids to empty a table
        if connection.execute(SHAPE).fetchall() != new.shape:
            return False
        used = [sql.Identifier(*table) for table in _tables(connection) if _rows(connection, table, limit=1)]
        if used:
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(used)))
        for table, rows in new.rows.items():
            connection.execute(FILL.format(sql.Identifier(*table)), (rows,))
        for row in connection.execute(COUNTED).fetchall():
            connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(*row)))
    return True


def _tables(connection: Connection) -> list[tuple[str, str]]:
    return [(str(schema), str(table)) for schema, table in connection.execute(TABLES)]


def _rows(connection: Connection, table: tuple[str, str], limit: int | None = None) -> str | None:
    few = sql.SQL("(SELECT * FROM {} LIMIT {})").format(sql.Identifier(*table), limit)
    found = connection.execute(ROWS.format(few)).fetchone()
    return found[0] if found else None


def _wipe(wiring: Wiring) -> None:
    """What it has in Redis and on disk."""
    client = redis_adapter.connect(wiring.redis_url)
    redis_adapter.wipe(client, f"{wiring.settings.namespace}:*")
    client.close()
    settings = wiring.settings
    for folder in (settings.wrapping_folder(), settings.models_folder(), settings.checkpoints_folder()):
        shutil.rmtree(folder, ignore_errors=True)


def _connect(wiring: Wiring, name: str) -> Connection:
    return psycopg.connect(database_url(wiring.postgres_url, wiring.database(name)), autocommit=True)
