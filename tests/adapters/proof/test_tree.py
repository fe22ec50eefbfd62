"""The tree in PostgreSQL: the same as in memory, one head a batch, and nobody loses a leaf."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from app.wiring import Wiring
from domain import merkle
from domain.proof import TreeHead, leaf

ROWS = (3, "ab" * 32)


def inside(wiring: Wiring, stream: UUID, head: TreeHead) -> bool:
    found = wiring.proofs.leaves([stream])[stream]
    path = [bytes.fromhex(step) for step in wiring.proofs.inclusion(found.index, head)]
    content = leaf(stream, found.salt, found.rows, found.digest)
    return merkle.included(content, found.index, head.size, path, bytes.fromhex(head.root))


def follows(wiring: Wiring, old: TreeHead, head: TreeHead) -> bool:
    path = [bytes.fromhex(step) for step in wiring.proofs.consistency(old, head)]
    return merkle.consistent(old.size, head.size, bytes.fromhex(old.root), bytes.fromhex(head.root), path)


def test_each_batch_is_one_head_that_goes_on_from_all_before(wiring: Wiring) -> None:
    assert wiring.proofs.head() is None
    heads, streams = list[TreeHead](), list[UUID]()

    @settings(max_examples=12, deadline=None, database=None)
    @given(st.integers(1, 9))
    def grow(count: int) -> None:
        new = [uuid4() for _ in range(count)]
        assert wiring.proofs.add(dict.fromkeys(new, ROWS)) == count
        head = wiring.proofs.head()
        assert head is not None
        assert head.size == len(streams) + count
        assert wiring.signer.verifier.signed_head(head)
        assert wiring.proofs.before(head) == (heads[-1] if heads else None)
        streams.extend(new)
        heads.append(head)

    grow()
    last = heads[-1]
    assert all(inside(wiring, stream, last) for stream in streams)
    assert all(follows(wiring, old, last) for old in heads)
    assert wiring.proofs.head(at_least=heads[0].size) == heads[0]


def test_a_stream_enters_again_only_with_other_rows(wiring: Wiring) -> None:
    stream = uuid4()
    assert wiring.proofs.add({stream: ROWS}) == 1
    assert wiring.proofs.add({stream: ROWS}) == 0
    assert wiring.proofs.add({stream: (4, "cd" * 32)}) == 1
    assert wiring.proofs.leaves([stream])[stream].rows == 4
    head = wiring.proofs.head()
    assert head is not None
    assert head.size == 2
    assert inside(wiring, stream, head)
    assert wiring.proofs.add({}) == 0


def test_who_adds_at_the_same_time_shares_one_tree(wiring: Wiring) -> None:
    batches = [[uuid4() for _ in range(5)] for _ in range(8)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda batch: wiring.proofs.add(dict.fromkeys(batch, ROWS)), batches)) == [5] * 8
    head = wiring.proofs.head()
    assert head is not None
    assert head.size == 40
    assert all(inside(wiring, stream, head) for batch in batches for stream in batch)
