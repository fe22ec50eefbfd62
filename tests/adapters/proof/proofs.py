"""Proofs made for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.proof.signing import Signer
from domain import merkle
from domain.proof import (
    Difference,
    ErasedStream,
    Pending,
    Retained,
    RetiredEpoch,
    Stage,
    Statement,
    Sweep,
    digest_rows,
    leaf,
)

SIGNER = Signer(bytes(range(32)))
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DESTROYED = ASKED + timedelta(days=3)
RETIRED = ASKED + timedelta(days=31)
EPOCH = 2_431_400
SALT = bytes(range(16))
ROWS = [(1, "customer.opened", b"\x01\x02"), (2, "customer.searched", b"\x03")]
STREAMS = [UUID(int=n) for n in (71, 72)]


class Tree:
    """In memory."""

    def __init__(self) -> None:
        self.size, self.nodes = 0, dict[tuple[int, int], bytes]()

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def grow(self, *leaves: bytes) -> None:
        for level, index, found in list(merkle.grown(self.size, leaves, self.node)):
            self.nodes[level, index] = found
        self.size += len(leaves)


def statement(**changes: Any) -> Statement:
    """Of two streams, the leaves 3 and 4 of a tree of six that had three before."""
    tree, (rows, digest) = Tree(), digest_rows(ROWS)
    tree.grow(*(merkle.leaf_hash(bytes([n])) for n in range(3)))
    before = SIGNER.sign_head(3, merkle.root(3, tree.node), ASKED)
    tree.grow(*(leaf(stream, SALT, rows, digest) for stream in STREAMS), merkle.leaf_hash(b"x"))
    head = SIGNER.sign_head(6, merkle.root(6, tree.node), DESTROYED)
    streams = tuple(
        ErasedStream(
            stream=stream,
            salt=SALT.hex(),
            rows=rows,
            digest=digest,
            leaf=3 + n,
            path=tuple(step.hex() for step in merkle.inclusion(3 + n, 6, tree.node)),
            epoch=EPOCH,
            destroyed_at=DESTROYED,
        )
        for n, stream in enumerate(STREAMS)
    )
    said = Statement(
        request=UUID(int=9),
        requested_at=ASKED,
        made_at=RETIRED + timedelta(hours=1),
        stage=Stage.UNRECOVERABLE,
        head=head,
        previous=before,
        consistency=tuple(step.hex() for step in merkle.consistency(3, 6, tree.node)),
        streams=streams,
        epochs=(RetiredEpoch(epoch=EPOCH, service="key", destroyed_at=RETIRED),),
        sweeps=(Sweep(store="redis", removed=2, left=0),),
        differences=(Difference(model="customers", expected="ab" * 32, found="ab" * 32),),
        retained=(Retained(topic="customer.order_placed", fields=("order_id",), events=1, ground="HGB § 257"),),
        pending=(Pending(what="statistics", done_at=DESTROYED),),
        topic_gone_at=DESTROYED + timedelta(days=5),
    )
    return said.model_copy(update=changes)
