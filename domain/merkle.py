"""A Merkle tree that only grows, as Certificate Transparency has it: roots, inclusion and consistency proofs.

Source: RFC 9162, section 2.1 (the same tree as in RFC 6962). A tree's nodes are asked for by level and index: node
(0, i) is the hash of leaf i, node (l, i) covers the leaves from ``i << l`` to before ``(i + 1) << l``, all of them
there. So a proof takes as many look-ups as it has steps, however large the tree is.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

Node = Callable[[int, int], bytes]
HASH = 32
EMPTY = sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """32 bytes; the prefix keeps leaves and inner nodes apart."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over those of its two children."""
    return sha256(b"\x01" + left + right).digest()


def root(size: int, node: Node) -> bytes:
    """The root of the first ``size`` leaves."""
    return _over(0, size, node) if size else EMPTY


def grown(size: int, leaves: Sequence[bytes], node: Node) -> Iterator[tuple[int, int, bytes]]:
    """The nodes (level, index, hash) that become complete when ``leaves``, hashed, follow the first ``size`` ones."""
    new: dict[tuple[int, int], bytes] = {}
    for index, leaf in enumerate(leaves, size):
        level, here = 0, leaf
        new[level, index] = here
        yield level, index, here
        while index & 1:
            left = new.get((level, index - 1)) or node(level, index - 1)
            level, index, here = level + 1, index >> 1, node_hash(left, here)
            new[level, index] = here
            yield level, index, here


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """What proves that leaf ``index`` is among the first ``size``. Raises ValueError if it is not."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    return _path(index, 0, size, node)


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """What proves that the first ``old`` leaves are still the first of ``size``. Raises ValueError for another order
    of the two."""
    if not 0 <= old <= size:
        raise ValueError("a tree only grows")
    return [] if old in (0, size) else _older(old, 0, size, True, node)


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that the leaf with this hash is leaf ``index`` under ``root``. RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(step, found)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, step)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def consistent(old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` proves that the tree of ``size`` leaves begins with that of ``old``. RFC 9162, 2.1.4.2."""
    if old == size or old == 0:
        return not path and (old_root == root if old == size else old_root == EMPTY)
    if not 0 < old < size or not path:
        return False
    steps = list(path) if old & (old - 1) else [old_root, *path]
    here, last = old - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            after = node_hash(after, step)
        here, last = here >> 1, last >> 1
    return last == 0 and (before, after) == (old_root, root)


def _over(start: int, end: int, node: Node) -> bytes:
    count = end - start
    if count & (count - 1) == 0 and start % count == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _half(count)
    return node_hash(_over(start, middle, node), _over(middle, end, node))


def _path(index: int, start: int, end: int, node: Node) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _half(end - start)
    if index < middle:
        return [*_path(index, start, middle, node), _over(middle, end, node)]
    return [*_path(index, middle, end, node), _over(start, middle, node)]


def _older(old: int, start: int, end: int, whole: bool, node: Node) -> list[bytes]:
    if old == end:
        return [] if whole else [_over(start, end, node)]
    middle = start + _half(end - start)
    if old <= middle:
        return [*_older(old, start, middle, whole, node), _over(middle, end, node)]
    return [*_older(old, middle, end, False, node), _over(start, middle, node)]


def _half(count: int) -> int:
    """The largest power of two that is smaller."""
    return 1 << ((count - 1).bit_length() - 1)
