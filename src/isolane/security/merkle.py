"""This file keeps a Merkle tree as RFC 6962, section 2 has it; it guards that a proof holds only for what is there.

A leaf is hashed with a byte 0x00 in front, a node of two with 0x01, so that neither can be taken for the other. `Tree`
keeps the hash of every whole subtree, two an entry, and makes any node of the tree from O(log n) of them. Checking a
proof (RFC 9162, sections 2.1.3.2 and 2.1.4.2) needs no tree.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows."""

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    def __len__(self) -> int:
        """Count its entries."""
        return len(self._levels[0])

    def append(self, entry: bytes) -> bytes:
        """Take an entry; give its leaf's hash."""
        leaf = value = leaf_hash(entry)
        for level in range(64):
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(value)
            if len(row) % 2:
                break
            value = node_hash(row[-2], value)
        return leaf

    def root(self, size: int | None = None) -> bytes:
        """Give the root hash of the first `size` entries, of all of them for None.

        Raises:
            ValueError: There are not as many.
        """
        size = len(self) if size is None else size
        if not 0 <= size <= len(self):
            raise ValueError(f"{size} of {len(self)} entries")
        return self._range(0, size) if size else hashlib.sha256().digest()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Prove that an entry is among the first `size`; the hashes from the leaf's sibling up.

        Raises:
            ValueError: There is no such entry among them.
        """
        if not 0 <= index < size <= len(self):
            raise ValueError(f"entry {index} of {size}, there are {len(self)}")
        start, end, path = 0, size, []
        while end - start > 1:
            cut = start + _split(end - start)
            if index < cut:
                path.append(self._range(cut, end))
                end = cut
            else:
                path.append(self._range(start, cut))
                start = cut
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Prove that the first `new` entries begin with the first `old`.

        Raises:
            ValueError: 0 < old <= new <= entries does not hold.
        """
        if not 0 < old <= new <= len(self):
            raise ValueError(f"from {old} to {new}, there are {len(self)}")
        start, end, is_whole, path = 0, new, True, []
        while old != end - start:
            cut = _split(end - start)
            if old <= cut:
                path.append(self._range(start + cut, end))
                end = start + cut
            else:
                path.append(self._range(start, start + cut))
                start, old, is_whole = start + cut, old - cut, False
        if not is_whole:
            path.append(self._range(start, end))
        return path[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Hash the entries of a subtree: it begins at a multiple of the power of two that covers it."""
        size = end - start
        level = size.bit_length() - 1
        if size == 1 << level:
            return self._levels[level][start >> level]
        cut = start + _split(size)
        return node_hash(self._range(start, cut), self._range(cut, end))


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Check a proof of `Tree.inclusion`.

    Args:
        leaf: Hash of the leaf.
        index: Its place, from 0.
        size: Entries of the tree with that root.
        path: The proof.
        root: Root hash.
    """
    if not 0 <= index < size:
        return False
    at, last, value = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = node_hash(each, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, each)
        at, last = at >> 1, last >> 1
    return last == 0 and value == root


def is_consistent(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Check a proof of `Tree.consistency`.

    Args:
        old: Entries of the older tree, at least 1.
        new: Entries of the newer one.
        path: The proof.
        old_root: Root hash of the older one.
        new_root: Root hash of the newer one.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    whole = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not whole:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = whole[0]
    for each in whole[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            older, newer = node_hash(each, older), node_hash(each, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, each)
        at, last = at >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(size: int) -> int:
    """Give the greatest power of two below a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
