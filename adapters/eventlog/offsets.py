"""How far consumers have come, stored in the transaction of the events that they made of what they read.

Each log stores it for itself; a restart reads on from the least of them all. An offset moves by compare-and-set from
the value that this process knows, so a consumer that was fenced out, and does not know it, stores nothing.
"""

from collections.abc import Sequence

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
ADD = SQL("INSERT INTO {} SELECT %s, * FROM unnest(%b::int[], %b::bigint[]) ON CONFLICT DO NOTHING")
MOVE = SQL(
    """UPDATE {} AS stored SET next = moved.next
    FROM unnest(%b::int[], %b::bigint[], %b::bigint[]) AS moved (partition, known, next)
    WHERE source = %s AND stored.partition = moved.partition AND stored.next = moved.known"""
)
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
        known = {p: self._known.get((progress.source, p)) for p in sorted(progress.offsets)}
        new = [(p, progress.offsets[p]) for p, before in known.items() if before is None]
        behind = [(p, before, progress.offsets[p]) for p, before in known.items() if before is not None]
        behind = [(p, before, next_) for p, before, next_ in behind if before < next_]
        if new:
            cursor.execute(ADD.format(self._table), (progress.source, *_columns(new)))
            _require(cursor.rowcount == len(new))
        if behind:
            cursor.execute(MOVE.format(self._table), (*_columns(behind), progress.source))
            _require(cursor.rowcount == len(behind))
        return {(progress.source, moved[0]): moved[-1] for moved in (*new, *behind)}

    def remember(self, moved: Known) -> None:
        """What has committed is what the next move is compared with."""
        self._known |= moved


def _columns(rows: Sequence[tuple[int, ...]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _require(all_moved: bool) -> None:
    if not all_moved:
        raise FencedError("a partition was taken over by another consumer")
