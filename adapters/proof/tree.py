"""The tree of erased streams, in PostgreSQL beside the erasure ledger: it only grows, one signed head a batch."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from adapters.postgres import Connection, Database
from adapters.proof.signing import Signer
from domain import merkle
from domain.proof import TreeHead, leaf

TABLES = (
    """CREATE TABLE IF NOT EXISTS proof_node (
    level smallint NOT NULL, index bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (level, index))""",
    """CREATE TABLE IF NOT EXISTS proof_leaf (
    stream uuid NOT NULL, index bigint NOT NULL UNIQUE, salt bytea NOT NULL, rows bigint NOT NULL,
    digest bytea NOT NULL, PRIMARY KEY (stream, index))""",
    """CREATE TABLE IF NOT EXISTS proof_head (
    size bigint PRIMARY KEY, root bytea NOT NULL, at timestamptz NOT NULL, key text NOT NULL, signature text NOT NULL)
    """,
)
GROWING = "SELECT pg_advisory_xact_lock(%s)"
GROW_LOCK = 0x74726565  # "tree": one batch at a time
LATEST = "SELECT size, root, at, key, signature FROM proof_head ORDER BY size DESC LIMIT 1"
HEADS = "SELECT size, root, at, key, signature FROM proof_head WHERE size >= %s ORDER BY size LIMIT 1"
BEFORE = "SELECT size, root, at, key, signature FROM proof_head WHERE size < %s ORDER BY size DESC LIMIT 1"
NODE = "SELECT hash FROM proof_node WHERE level = %s AND index = %s"
KNOWN = """SELECT DISTINCT ON (stream) stream, index, salt, rows, digest FROM proof_leaf WHERE stream = ANY(%s)
    ORDER BY stream, index DESC"""
ADD_NODES = "INSERT INTO proof_node SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
ADD_LEAVES = """INSERT INTO proof_leaf
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[], %s::bigint[], %s::bytea[])"""
ADD_HEAD = "INSERT INTO proof_head VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A stream in the tree: how many of its rows the digest is over."""

    stream: UUID
    index: int
    salt: bytes
    rows: int
    digest: str


class ProofTree:
    """Raises UnavailableError."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database, self.signer = database, signer

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for table in TABLES:
                connection.execute(table)

    def add(self, digests: Mapping[UUID, tuple[int, str]]) -> int:
        """Streams with how many rows they have and those rows' digest: all at once, with one new head. One that is in
        the tree just so stays as it is; how many leaves are new."""
        if not digests:
            return 0
        with self._database.connection() as connection, connection.transaction():
            connection.execute(GROWING, (GROW_LOCK,))
            told = self._known(connection, list(digests))
            known = {each.stream for each in told if (each.rows, each.digest) == digests[each.stream]}
            size = self._size(connection)
            new = [
                Leaf(stream, size + n, os.urandom(16), *digests[stream])
                for n, stream in enumerate(sorted(digests.keys() - known))
            ]
            if new:
                self._grow(connection, size, new)
        return len(new)

    def leaves(self, streams: Sequence[UUID]) -> dict[UUID, Leaf]:
        """The latest leaf of those of them that are in the tree."""
        with self._database.connection() as connection:
            return {each.stream: each for each in self._known(connection, list(streams))}

    def head(self, *, at_least: int = 0) -> TreeHead | None:
        """The first signed head of so many leaves or more; of none: the latest."""
        with self._database.connection() as connection:
            return _head(connection, HEADS, (at_least,)) if at_least else _head(connection, LATEST, ())

    def before(self, head: TreeHead) -> TreeHead | None:
        """The head that was signed before another one."""
        with self._database.connection() as connection:
            return _head(connection, BEFORE, (head.size,))

    def inclusion(self, index: int, head: TreeHead) -> tuple[str, ...]:
        """The proof that a leaf is under a head, in hex. Raises ValueError if it is not."""
        with self._database.connection() as connection:
            return tuple(step.hex() for step in merkle.inclusion(index, head.size, _nodes(connection)))

    def consistency(self, old: TreeHead, head: TreeHead) -> tuple[str, ...]:
        """The proof that a head goes on from an older one, in hex."""
        with self._database.connection() as connection:
            return tuple(step.hex() for step in merkle.consistency(old.size, head.size, _nodes(connection)))

    def _grow(self, connection: Connection, size: int, new: Sequence[Leaf]) -> None:
        node = _nodes(connection)
        hashes = [leaf(each.stream, each.salt, each.rows, each.digest) for each in new]
        nodes = list(merkle.grown(size, hashes, node))
        connection.execute(ADD_NODES, tuple(map(list, zip(*nodes, strict=True))))
        columns = [(each.stream, each.index, each.salt, each.rows, bytes.fromhex(each.digest)) for each in new]
        connection.execute(ADD_LEAVES, tuple(map(list, zip(*columns, strict=True))))
        root = merkle.root(size + len(new), node)
        head = self.signer.sign_head(size + len(new), root, datetime.now(UTC))
        connection.execute(ADD_HEAD, (head.size, root, head.at, head.key, head.signature))

    def _known(self, connection: Connection, streams: list[UUID]) -> list[Leaf]:
        rows = connection.execute(KNOWN, (streams,)).fetchall()
        return [Leaf(stream, index, salt, count, digest.hex()) for stream, index, salt, count, digest in rows]

    def _size(self, connection: Connection) -> int:
        found = _head(connection, LATEST, ())
        return found.size if found else 0


def _nodes(connection: Connection) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        row = connection.execute(NODE, (level, index)).fetchone()
        if row is None:
            raise LookupError(f"the tree has no node {index} at level {level}")
        found: bytes = row[0]
        return found

    return node


def _head(connection: Connection, query: str, values: tuple[int, ...]) -> TreeHead | None:
    row = connection.execute(query, values).fetchone()
    if row is None:
        return None
    size, root, at, key, signature = row
    return TreeHead(size=size, root=root.hex(), at=at.astimezone(UTC), key=key, signature=signature)
