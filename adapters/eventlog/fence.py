"""A fence round a shard: after it nothing is appended there, and whoever tries is told that the shards have moved.

It is a trigger that is not there while the shard is open, so it costs appends nothing, and PostgreSQL itself holds
every writer to it, also one that has not heard of it. Making it waits for the appends that have begun.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres import Connection
from commands.ports import MovedError

#: Our own, in a class that PostgreSQL does not use.
REFUSED = "BS001"
TABLES = ("log_events", "consumed_offset")  # in the order in which an append locks them
_FUNCTION = SQL(
    """CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'this shard is closed' USING ERRCODE = 'BS001'; END $$"""
)
_CLOSE = SQL("CREATE OR REPLACE TRIGGER {} BEFORE INSERT OR UPDATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()")
_CLOSED = """SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND tgname ~ '^closed_[0-9]+$'"""
_OPEN = SQL("DROP TRIGGER IF EXISTS {} ON {}")


def close(connection: Connection, schema: str, epoch: int) -> None:
    """Returns when nothing more can be appended. ``epoch``: the one that is to come; its fence is taken away by nobody
    who looked before it was begun. Raises psycopg.Error."""
    refuse, name = Identifier(schema, "refuse"), Identifier(f"closed_{epoch}")
    fences = [_CLOSE.format(name, Identifier(schema, table), refuse) for table in TABLES]
    _all(connection, [_FUNCTION.format(refuse), *fences])


def reopen(connection: Connection, schema: str) -> None:
    """Takes the fences away that there are. Raises psycopg.Error."""
    fences = connection.execute(_CLOSED, (schema,)).fetchall()
    _all(connection, [_OPEN.format(Identifier(name), Identifier(schema, table)) for table, name in fences])


@contextmanager
def told() -> Iterator[None]:
    """The fence's refusal as MovedError."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == REFUSED:
            raise MovedError("the log's shards are being moved; what was to be recorded was not") from None
        raise


def _all(connection: Connection, statements: list[Composed]) -> None:
    """Committed by a message of its own: a statement that still waits when its sender is killed never takes effect."""
    with connection.transaction():
        for statement in statements:
            connection.execute(statement)
