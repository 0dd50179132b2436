"""This file says how an audit's lines are chained, and checks them; it guards that the first bad line is named.

A line is JSON, ``n`` its number from 0 and ``prev`` the leaf hash of the line before it (zeros for the first) in front
of what it tells. Its bytes, without the newline, are an entry of the Merkle tree. So a line that was changed, left out,
put in or moved is named by the next; one cut off at the end, a file rolled back and a second history show against a
checkpoint that somebody else kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from isolane.core import strict_json
from isolane.security.checkpoint import open_note
from isolane.security.merkle import HASH_BYTES, Tree, leaf_hash
from isolane.security.signing import PublicKey

FIRST: Final = "0" * (2 * HASH_BYTES)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an audit.

    Attributes:
        first_bad: Number of the first line that is not what was written, from 0; as good as it can be told.
        why: A sentence.
    """

    first_bad: int
    why: str


def write_line(number: int, previous: str, facts: Mapping[str, object]) -> bytes:
    """Give a line without its newline.

    Args:
        number: From 0.
        previous: Leaf hash of the line before it, hex.
        facts: What it tells.
    """
    return strict_json.write({"n": number, "prev": previous, **facts})


def find_break(lines: Iterable[bytes], tree: Tree) -> Finding | None:
    """Grow a tree by lines, up to the first that breaks the chain.

    Args:
        lines: Without their newlines.
        tree: An empty one; holds the good lines afterwards.
    """
    previous = FIRST
    for number, line in enumerate(lines):
        try:
            told = strict_json.read(line, strict_json.INTEGER_MAX)
        except ValueError:
            return Finding(number, f"line {number} is no line of an audit")
        if not isinstance(told, dict) or told.get("n") != number:
            return Finding(number, f"line {number} does not have its number")
        if told.get("prev") != previous:
            return Finding(max(0, number - 1), f"line {number} follows another line than the one before it")
        tree.append(line)
        previous = leaf_hash(line).hex()
    return None


def check(
    lines: Sequence[bytes], notes: Iterable[str], keys: dict[str, PublicKey], origin: str
) -> tuple[int, Finding | None]:
    """Check an audit against its own chain and against checkpoints, its own and others'.

    Args:
        lines: Without their newlines.
        notes: Signed checkpoints.
        keys: Public keys by the names that they sign under.
        origin: Which tree they have to be of.

    Returns:
        How many lines a checkpoint vouches for, and what is wrong.

    Raises:
        ValueError: A checkpoint is none, of another tree, or not signed by any of the keys.
    """
    tree = Tree()
    broken = find_break(lines, tree)
    vouched = 0
    points = [open_note(note, keys)[0] for note in notes]
    for point in sorted(points, key=lambda each: each.size):
        if point.origin != origin:
            raise ValueError(f"a checkpoint of {point.origin!r}")
        if point.size > len(tree):
            why = f"a checkpoint knows {point.size} lines, there are {len(lines)}"
            return vouched, broken or Finding(len(tree), why)
        if tree.root(point.size) != point.root:
            return vouched, Finding(vouched, f"lines {vouched} to {point.size - 1} are not those of a checkpoint")
        vouched = point.size
    return vouched, broken
