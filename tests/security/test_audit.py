"""This file tampers with an audit; it guards that each way of it is seen, and where."""

from pathlib import Path

import pytest

from isolane.security.audit import FIRST, Finding, check, write_line
from isolane.security.checkpoint import Checkpoint, sign
from isolane.security.merkle import Tree, leaf_hash
from isolane.security.signing import Signer
from support.signers import holder

ORIGIN = "isolane/audit/gw-01"


class Book:
    """Ten lines, and checkpoints of four and of nine."""

    def __init__(self, signer: Signer) -> None:
        self.signer, self.keys = signer, {"gw-01": signer.public_key}
        self.lines = self.write([f"event {n}" for n in range(10)])
        self.notes = [self.note(self.lines[:4]), self.note(self.lines[:9])]

    def write(self, told: list[str]) -> list[bytes]:
        lines: list[bytes] = []
        previous = FIRST
        for number, text in enumerate(told):
            lines.append(write_line(number, previous, {"kind": text}))
            previous = leaf_hash(lines[-1]).hex()
        return lines

    def note(self, lines: list[bytes], origin: str = ORIGIN) -> str:
        tree = Tree()
        for line in lines:
            tree.append(line)
        return sign(Checkpoint(origin, len(lines), tree.root()), "gw-01", self.signer)

    def check(self, lines: list[bytes]) -> tuple[int, Finding | None]:
        return check(lines, self.notes, self.keys, ORIGIN)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(holder(tmp_path_factory.mktemp("gw"), "gw-01", "viewer").signer)


def _first_bad(book: Book, lines: list[bytes]) -> int:
    _, finding = book.check(lines)
    assert finding is not None
    return finding.first_bad


def test_what_was_written_is_whole(book: Book) -> None:
    assert book.check(book.lines) == (9, None)


def test_each_way_of_tampering_is_seen_where_it_was_done(book: Book) -> None:
    lines = book.lines
    edited = lines[5].replace(b"event 5", b"event X")
    assert _first_bad(book, [*lines[:5], *lines[6:]]) == 5
    assert _first_bad(book, [*lines[:5], edited, *lines[6:]]) == 5
    assert _first_bad(book, [*lines[:5], lines[6], lines[5], *lines[7:]]) == 5
    assert _first_bad(book, [*lines[:5], b"no line", *lines[6:]]) == 5
    assert _first_bad(book, lines[:7]) == 7
    assert _first_bad(book, []) == 0


def test_another_history_that_fits_itself_is_seen_against_a_checkpoint(book: Book) -> None:
    forked = book.write([f"event {n}" for n in range(6)] + [f"other {n}" for n in range(6, 10)])
    vouched, finding = book.check(forked)
    assert vouched == 4
    assert finding is not None
    assert finding.first_bad == 4
    assert "4 to 8" in finding.why


def test_a_checkpoint_that_is_not_ours_vouches_for_nothing(book: Book, tmp_path: Path) -> None:
    other = Book(holder(tmp_path, "gw-01", "viewer").signer)
    for notes in ([other.notes[0]], [book.note(book.lines, "isolane/audit/gw-02")], ["words"]):
        with pytest.raises(ValueError, match=r"."):
            check(book.lines, notes, book.keys, ORIGIN)
