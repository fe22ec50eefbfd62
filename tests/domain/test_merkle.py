"""The tree against the RFC's own recursive definitions, and proofs that fail when anything is changed."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import merkle

#: The inputs and roots that implementations of Certificate Transparency test themselves with.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tree:
    """A tree in memory, grown in batches."""

    def __init__(self) -> None:
        self.size, self.nodes = 0, dict[tuple[int, int], bytes]()

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def grow(self, contents: list[bytes]) -> None:
        leaves = [merkle.leaf_hash(content) for content in contents]
        for level, index, found in list(merkle.grown(self.size, leaves, self.node)):
            self.nodes[level, index] = found
        self.size += len(contents)

    def root(self, size: int | None = None) -> bytes:
        return merkle.root(self.size if size is None else size, self.node)


def plain(contents: list[bytes]) -> bytes:
    """The root as the RFC defines it."""
    if not contents:
        return sha256(b"").digest()
    if len(contents) == 1:
        return sha256(b"\x00" + contents[0]).digest()
    half = 1
    while half * 2 < len(contents):
        half *= 2
    return sha256(b"\x01" + plain(contents[:half]) + plain(contents[half:])).digest()


def test_the_known_roots() -> None:
    tree = Tree()
    for content, expected in zip(INPUTS, ROOTS, strict=True):
        tree.grow([bytes.fromhex(content)])
        assert tree.root().hex() == expected


@given(st.lists(st.lists(st.binary(max_size=3), max_size=9), max_size=6))
def test_however_it_grew_it_is_the_tree_of_its_leaves(batches: list[list[bytes]]) -> None:
    tree, contents = Tree(), list[bytes]()
    for batch in batches:
        tree.grow(batch)
        contents += batch
        assert tree.root() == plain(contents)


def grown(size: int) -> Tree:
    tree = Tree()
    tree.grow([bytes([n]) for n in range(size)])
    return tree


def test_every_leaf_of_every_tree_is_proven_and_nothing_else_is() -> None:
    tree = grown(40)
    for size in range(1, 41):
        for index in range(size):
            path, leaf, root = merkle.inclusion(index, size, tree.node), tree.node(0, index), tree.root(size)
            assert merkle.included(leaf, index, size, path, root)
            assert not merkle.included(leaf, (index + 1) % size, size, path, root) or size == 1
            assert not merkle.included(leaf, index, size, [*path, root], root)
            assert not merkle.included(merkle.leaf_hash(b"x"), index, size, path, root)
            assert not path or not merkle.included(leaf, index, size, path[:-1], root)


def test_every_tree_begins_with_every_older_one() -> None:
    tree = grown(40)
    for size in range(41):
        for old in range(size + 1):
            path = merkle.consistency(old, size, tree.node)
            before, after = tree.root(old), tree.root(size)
            assert merkle.consistent(old, size, before, after, path)
            assert not merkle.consistent(old, size, before, merkle.leaf_hash(b"x"), path) or old == 0
            assert not merkle.consistent(old, size, merkle.leaf_hash(b"x"), after, path)
            assert not merkle.consistent(old, size, before, after, [*path, after])


def test_what_cannot_be_proven_is_refused() -> None:
    tree = grown(4)
    for index in (-1, 4):
        with pytest.raises(ValueError, match="no such leaf"):
            merkle.inclusion(index, 4, tree.node)
    with pytest.raises(ValueError, match="only grows"):
        merkle.consistency(5, 4, tree.node)
    assert not merkle.included(tree.node(0, 0), -1, 4, [], tree.root())
