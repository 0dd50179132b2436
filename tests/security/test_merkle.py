"""This file checks the tree against the public vectors and against the definition, and forges proofs."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.security.merkle import Tree, is_consistent, is_included, leaf_hash, node_hash

LEAVES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The eight entries of certificate-transparency's merkle_tree_test, whose root hashes follow."""
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
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
}


def _tree(entries: list[bytes]) -> Tree:
    tree = Tree()
    for entry in entries:
        tree.append(entry)
    return tree


def _plain_root(entries: list[bytes]) -> bytes:
    """Give MTH of RFC 6962, section 2.1, as it is written there."""
    if len(entries) < 2:
        return leaf_hash(entries[0]) if entries else hashlib.sha256().digest()
    cut = 1
    while cut * 2 < len(entries):
        cut *= 2
    return node_hash(_plain_root(entries[:cut]), _plain_root(entries[cut:]))


def test_the_public_vectors() -> None:
    tree = _tree(LEAVES)
    assert tree.root(0).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS
    for (index, size), proof in INCLUSION.items():
        assert [each.hex() for each in tree.inclusion(index, size)] == proof
    for (old, new), proof in CONSISTENCY.items():
        assert [each.hex() for each in tree.consistency(old, new)] == proof


def test_every_proof_of_every_small_tree_holds_and_no_other() -> None:
    entries = [bytes([n]) for n in range(18)]
    tree = _tree(entries)
    roots = [tree.root(size) for size in range(19)]
    for size in range(1, 19):
        assert roots[size] == _plain_root(entries[:size])
        for index in range(size):
            path = tree.inclusion(index, size)
            leaf = leaf_hash(entries[index])
            assert is_included(leaf, index, size, path, roots[size])
            assert not is_included(leaf, index, size, [*path, leaf], roots[size])
            assert not is_included(leaf_hash(b"x"), index, size, path, roots[size])
            assert not path or not is_included(leaf, index, size, path[:-1], roots[size])
            assert not is_included(leaf, (index + 1) % size, size, path, roots[size]) or size == 1
        for old in range(1, size + 1):
            path = tree.consistency(old, size)
            assert is_consistent(old, size, path, roots[old], roots[size])
            assert not is_consistent(old, size, [*path, roots[old]], roots[old], roots[size])
            assert old == size or not is_consistent(old, size, path[:-1], roots[old], roots[size])
            assert not is_consistent(old, size, path, leaf_hash(b"x"), roots[size])
            assert not is_consistent(old, size, path, roots[old], leaf_hash(b"x"))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.data())
def test_proofs_of_larger_trees(size: int, data: st.DataObject) -> None:
    entries = [n.to_bytes(2, "big") for n in range(size)]
    tree = _tree(entries)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root() == _plain_root(entries)
    assert is_included(leaf_hash(entries[index]), index, size, tree.inclusion(index, size), tree.root())
    assert is_consistent(old, size, tree.consistency(old, size), tree.root(old), tree.root())


def test_what_is_not_there_is_not_proved() -> None:
    tree = _tree(LEAVES)
    for ask in (lambda: tree.root(9), lambda: tree.inclusion(8, 8), lambda: tree.consistency(0, 3)):
        with pytest.raises(ValueError, match=r"there are|entries"):
            ask()
    assert not is_included(b"", 3, 3, [], tree.root())
    assert not is_consistent(0, 3, [], tree.root(), tree.root())
    assert not is_consistent(3, 8, [], tree.root(3), tree.root())
