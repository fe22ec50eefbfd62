"""How far consumers have come, stored in the transaction of the events that they made of what they read.

Each log stores it for itself; a restart reads on from the least of them all. An offset moves by compare-and-set from
the value that this process knows, so a consumer that was fenced out, and does not know it, stores nothing.
"""

from eventsourcing.postgres import PostgresDatastore
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composed, Identifier

from commands.ports import FencedError, Progress

CREATE = SQL(
    """CREATE TABLE IF NOT EXISTS {} (source text NOT NULL, partition int NOT NULL, next bigint NOT NULL,
    PRIMARY KEY (source, partition))"""
)
LOAD = SQL("SELECT partition, next FROM {} WHERE source = %s")
ADD = SQL("INSERT INTO {} (source, partition, next) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING")
MOVE = SQL("UPDATE {} SET next = %s WHERE source = %s AND partition = %s AND next = %s")
Known = dict[tuple[str, int], int]


class ConsumedOffsets:
    """The table ``consumed_offset`` of one log."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._datastore = datastore
        self._table = Identifier(datastore.schema, "consumed_offset")
        self._known: Known = {}

    @property
    def create_statement(self) -> Composed:
        """Creates the table unless it is there."""
        return CREATE.format(self._table)

    def load(self, source: str) -> dict[int, int]:
        """Partition → next offset, which later moves are compared with."""
        with self._datastore.cursor() as cursor:
            rows = cursor.execute(LOAD.format(self._table), (source,)).fetchall()
        found = {int(row["partition"]): int(row["next"]) for row in rows}
        self._known = {key: next_ for key, next_ in self._known.items() if key[0] != source}
        self._known |= {(source, partition): next_ for partition, next_ in found.items()}
        return found

    def move(self, cursor: "Cursor[DictRow]", progress: Progress) -> Known:
        """Moves those offsets that are behind, in the cursor's transaction; what to ``remember`` once it has committed.

        Raises FencedError when another consumer has moved one meanwhile.
        """
        moved: Known = {}
        for partition, next_ in sorted(progress.offsets.items()):
            known = self._known.get((progress.source, partition))
            if known is not None and known >= next_:
                continue
            if known is None:
                cursor.execute(ADD.format(self._table), (progress.source, partition, next_))
            else:
                cursor.execute(MOVE.format(self._table), (next_, progress.source, partition, known))
            if cursor.rowcount != 1:
                raise FencedError(f"partition {partition} was taken over by another consumer")
            moved[progress.source, partition] = next_
        return moved

    def remember(self, moved: Known) -> None:
        """What has committed is what the next move is compared with."""
        self._known |= moved
