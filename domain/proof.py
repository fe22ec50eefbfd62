"""What a proof of erasure says, and whether it holds together. No personal data is in it but ids of streams."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from domain import merkle
from domain.values import Value

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
#: Whether the signature (hex) of a tree head's content is that of the key the proof is checked with.
Signed = Callable[["TreeHead"], bool]


class Stage(StrEnum):
    """``unreadable``: no living system opens the person's data. ``unrecoverable``: nor does any backup or write-ahead
    log, since the wrapping keys of the time are destroyed."""

    UNREADABLE = "unreadable"
    UNRECOVERABLE = "unrecoverable"


class TreeHead(Value):
    """The tree of all erased streams as it was at ``at``, signed with the key of that id."""

    size: Count
    root: Hash
    at: AwareDatetime
    key: Hash
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class ErasedStream(Value):
    """A stream whose data key was destroyed. ``digest`` is that of its ``rows`` as they were stored, see
    ``digest_rows``; ``leaf`` and ``path`` prove that it stands in the tree. ``epoch`` is the last one that its data key
    was wrapped for."""

    stream: UUID
    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    rows: Count
    digest: Hash
    leaf: Count
    path: tuple[Hash, ...] = ()
    epoch: Count
    destroyed_at: AwareDatetime


class RetiredEpoch(Value):
    """An epoch whose wrapping key was destroyed. ``final_at``: until then administrators of the service that kept it
    could bring it back; None: nobody can."""

    epoch: Count
    service: Label
    destroyed_at: AwareDatetime
    final_at: AwareDatetime | None = None


class Sweep(Value):
    """How many entries of the person a store had, and how many were found there when it was looked through again."""

    store: Label
    removed: Count
    left: Count


class Difference(Value):
    """A read model compared with what the log less that person folds to: keyed digests, whose key is thrown away."""

    model: Label
    expected: Hash
    found: Hash


class Retained(Value):
    """What stays readable of events of one kind, and which law says so."""

    topic: Label
    fields: tuple[Label, ...]
    events: Count
    ground: Label


class Pending(Value):
    """What follows later by itself, until when; ``done_at``: it has."""

    what: Label
    until: AwareDatetime | None = None
    done_at: AwareDatetime | None = None


class Statement(Value):
    """The whole proof. ``previous`` is the head that was signed before, ``consistency`` proves that ``head`` goes on
    from it. ``topic_gone_at``: when the key of the last day on which messages of the person may lie on the topic is
    destroyed; None: there is no topic."""

    format: Literal[1] = 1
    request: UUID
    requested_at: AwareDatetime
    made_at: AwareDatetime
    stage: Stage
    head: TreeHead
    previous: TreeHead | None = None
    consistency: tuple[Hash, ...] = ()
    streams: Annotated[tuple[ErasedStream, ...], Field(min_length=1)]
    epochs: tuple[RetiredEpoch, ...] = ()
    sweeps: tuple[Sweep, ...]
    differences: tuple[Difference, ...] = ()
    retained: tuple[Retained, ...] = ()
    pending: tuple[Pending, ...] = ()
    topic_gone_at: AwareDatetime | None = None


def digest_rows(rows: Iterable[tuple[int, str, bytes]]) -> tuple[int, str]:
    """How many rows, and SHA-256 over them: version (8 bytes, big endian), topic and state, each of these two after
    its length (4 bytes). ``rows``: version, topic, state, in the order of versions."""
    whole, count = sha256(b"bespoke rows 1\n"), 0
    for version, topic, state in rows:
        name = topic.encode()
        whole.update(version.to_bytes(8, "big") + len(name).to_bytes(4, "big") + name)
        whole.update(len(state).to_bytes(4, "big") + state)
        count += 1
    return count, whole.hexdigest()


def leaf(stream: UUID, salt: bytes, rows: int, digest: str) -> bytes:
    """The hash of a stream's leaf: a commitment to its id, which a leaf alone does not tell, and to its rows."""
    commitment = sha256(b"bespoke stream 1\n" + salt + stream.bytes).digest()
    return merkle.leaf_hash(b"bespoke leaf 1\n" + commitment + rows.to_bytes(8, "big") + bytes.fromhex(digest))


def problems(said: Statement, signed: Signed) -> list[str]:
    """What does not hold in a proof, in words; none: it holds."""
    return [*_tree(said, signed), *_streams(said), *_swept(said), *_stage(said)]


def gone_at(streams: Iterable[ErasedStream], epochs: Iterable[RetiredEpoch]) -> datetime | None:
    """From when on no copy of these streams' data keys opens; None: not yet decided for one of them. An epoch counts
    only if it ended after the key was destroyed, else the key would have been wrapped anew."""
    ended = {each.epoch: each for each in epochs}
    times = list[datetime]()
    for stream in streams:
        epoch = ended.get(stream.epoch)
        if epoch is None or epoch.destroyed_at < stream.destroyed_at:
            return None
        times.append(max(epoch.destroyed_at, epoch.final_at or epoch.destroyed_at))
    return max(times, default=None)


def _tree(said: Statement, signed: Signed) -> Iterator[str]:
    if not signed(said.head):
        yield "the tree head is not signed by this key"
    if said.previous is None:
        if said.consistency:
            yield "there is a consistency proof, but no previous head"
        return
    if not signed(said.previous):
        yield "the previous tree head is not signed by this key"
    before, after, path = said.previous, said.head, [bytes.fromhex(each) for each in said.consistency]
    roots = bytes.fromhex(before.root), bytes.fromhex(after.root)
    if before.at > after.at or not merkle.consistent(before.size, after.size, *roots, path):
        yield "the tree does not go on from the previous head"


def _streams(said: Statement) -> Iterator[str]:
    root = bytes.fromhex(said.head.root)
    if len({each.stream for each in said.streams}) != len(said.streams):
        yield "a stream is named twice"
    for each in said.streams:
        found = leaf(each.stream, bytes.fromhex(each.salt), each.rows, each.digest)
        path = [bytes.fromhex(step) for step in each.path]
        if not merkle.included(found, each.leaf, said.head.size, path, root):
            yield f"stream {each.stream} is not in the tree"
        if not said.requested_at <= each.destroyed_at <= said.made_at:
            yield f"the key of stream {each.stream} was destroyed before the request or after this was made"


def _swept(said: Statement) -> Iterator[str]:
    if not said.sweeps:
        yield "no store was swept"
    yield from (f"{each.left} entries are left in {each.store}" for each in said.sweeps if each.left)
    yield from (
        f"{each.model} is not what it would be without the person"
        for each in said.differences
        if each.expected != each.found
    )


def _stage(said: Statement) -> Iterator[str]:
    if said.stage is Stage.UNRECOVERABLE:
        gone = gone_at(said.streams, said.epochs)
        if gone is None:
            yield "it says unrecoverable, but not all wrapping keys of the time are destroyed"
        elif gone > said.made_at:
            yield "it says unrecoverable, but a wrapping key could still be brought back"
