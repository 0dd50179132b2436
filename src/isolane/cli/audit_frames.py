"""This file is `isolane audit frames`: it checks hashes of messages, and proves that one message passed.

It guards that a proof shows its own message and nothing else, and that it holds only under a root kept elsewhere.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from isolane.core import strict_json
from isolane.core.failures import IsolaneError
from isolane.security.merkle import Tree, is_included, leaf_hash
from isolane.tap.frame_tree import DIRECTIONS, KEY_FILE, files, hash_of, number_of, salt_of

DESCRIPTION = """\
Hashes of the messages that passed the relay, as the tap keeps them with [tap] frame_tree: never content, gaps told.

verify  recompute every root of a folder, and hold a root that was logged or kept elsewhere against it
prove   find a message that you hold, and write a proof for it alone
check   check such a proof offline, with the message and a root from elsewhere

example:
  isolane audit frames verify frames --file 3 --size 1200 --root 5f1c...
  isolane audit frames prove frames --charger CP1 --message start.json --out start.proof
  isolane audit frames check start.proof --message start.json --root 5f1c...
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="recompute the roots of a folder")
    verify.add_argument("folder", type=Path, metavar="FOLDER", help="that of [tap] frame_tree, or a copy")
    verify.add_argument("--file", type=int, metavar="N", help="number of the file that a root is of")
    verify.add_argument("--size", type=int, metavar="N", help="entries that the root is of")
    verify.add_argument("--root", metavar="HEX", help="a root that was logged or kept elsewhere")
    verify.set_defaults(act=_verify)
    prove = actions.add_parser("prove", help="write a proof for one message (needs frames.key in the folder)")
    prove.add_argument("folder", type=Path, metavar="FOLDER", help="that of [tap] frame_tree")
    prove.add_argument("--charger", required=True, metavar="NAME", help="whose connection it passed on")
    prove.add_argument("--message", type=Path, required=True, metavar="FILE", help="the message, byte for byte")
    prove.add_argument("--file", type=int, metavar="N", help="file whose root was kept (default: look through all)")
    prove.add_argument(
        "--size", type=int, metavar="N", help="entries that root is of (default: those of the last root)"
    )
    prove.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the proof goes")
    prove.set_defaults(act=_prove)
    check = actions.add_parser("check", help="check a proof")
    check.add_argument("proof", type=Path, metavar="FILE", help="what `prove` has written")
    check.add_argument("--message", type=Path, required=True, metavar="FILE", help="the message, byte for byte")
    check.add_argument("--root", required=True, metavar="HEX", help="the root, from a log or from whoever has kept it")
    check.set_defaults(act=_check)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    return int(options.act(options))


def _verify(options: argparse.Namespace) -> int:
    asked = (options.file, options.size, options.root)
    if any(each is not None for each in asked) and None in asked:
        raise IsolaneError(
            "a root is checked by file, size and root", "give --file, --size and --root, as they were logged"
        )
    wrong, before, found, paths = [], None, False, files(options.folder)
    if not paths:
        raise IsolaneError(f"there are no hashes in {options.folder}", "give the folder of [tap] frame_tree")
    for path in paths:
        book = _Book(path)
        wrong += [f"{path.name}: {fault}" for fault in book.wrong]
        if before is not None and book.begin.get("before") != before:
            wrong.append(f"{path.name}: it does not follow the file before it")
        if options.file == number_of(path):
            found = True
            if not 0 < options.size <= len(book.tree) or book.tree.root(options.size).hex() != options.root:
                wrong.append(f"{path.name}: its first {options.size} entries have another root")
        before = book.told
        print(f"{path.name}: {book.messages} messages, {book.gaps} gaps, {before['size']} entries under a root")
    if options.file is not None and not found:
        wrong.append(f"there is no file {options.file}")
    for fault in wrong:
        print(f"NOT what was written: {fault}")
    return 1 if wrong else 0


def _prove(options: argparse.Namespace) -> int:
    key, message = _bytes(options.folder / KEY_FILE), _bytes(options.message)
    for path in reversed(files(options.folder)):
        if options.file not in {None, number_of(path)}:
            continue
        book = _Book(path)
        size = min(options.size or len(book.tree), int(str(book.told["size"])))
        for index, entry in enumerate(book.entries[:size]):
            if entry.get("c") != options.charger or "h" not in entry:
                continue
            salt = salt_of(key, number_of(path), index)
            if entry["h"] == hash_of(salt, options.charger, str(entry["d"]), message):
                path_up = [value.hex() for value in book.tree.inclusion(index, size)]
                proof = {
                    "file": number_of(path), "size": size, "root": book.tree.root(size).hex(), "index": index,
                    "path": path_up, "entry": book.lines[index].decode(), "salt": salt.hex(),
                }  # fmt: skip
                options.out.write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")
                print(f"entry {index} of {path.name}, from the {entry['d']}; root {proof['root']} of {size} entries")
                return 0
    print(f"no message of {options.charger} is this one")
    return 1


def _check(options: argparse.Namespace) -> int:
    try:
        proof: dict[str, Any] = strict_json.read(_bytes(options.proof))  # type: ignore[assignment]  # looked at below
        line = str(proof["entry"])
        entry: dict[str, Any] = strict_json.read(line.encode())  # type: ignore[assignment]
        path = [bytes.fromhex(each) for each in proof["path"]]
        salt, index, size = bytes.fromhex(proof["salt"]), int(proof["index"]), int(proof["size"])
        charger, way = str(entry["c"]), str(entry["d"])
        is_it = entry["h"] == hash_of(salt, charger, way, _bytes(options.message)) and way in DIRECTIONS
        is_in = is_included(leaf_hash(line.encode()), index, size, path, bytes.fromhex(options.root))
    except (ValueError, KeyError, TypeError) as error:
        raise IsolaneError(
            f"{options.proof} is no proof: {error!r}", "give what `isolane audit frames prove` wrote"
        ) from error
    if not is_it:
        print("NOT proved: the proof is for another message")
    elif not is_in:
        print("NOT proved: it is not under this root")
    else:
        print(f"proved: {charger}, from the {way}, entry {index} of the first {size} of file {proof['file']}")
    return 0 if is_it and is_in else 1


class _Book:
    """One file, recomputed.

    Attributes:
        lines: Its entries as they stand.
        entries: The same, read.
        told: The last root that it tells.
        wrong: What is not as it says.
    """

    def __init__(self, path: Path) -> None:
        self.tree, self.lines, self.entries = Tree(), list[bytes](), list[dict[str, Any]]()
        self.told: dict[str, Any] = {"size": 0, "root": ""}
        self.wrong: list[str] = []
        for number, line in enumerate(_bytes(path).split(b"\n")[:-1], start=1):
            self._take(number, line)
        self.begin = self.entries[0] if self.entries and "begin" in self.entries[0] else {}
        if self.begin.get("begin") != number_of(path):
            self.wrong.append("it does not begin as this file")
        self.messages = sum("h" in entry for entry in self.entries)
        self.gaps = sum("gap" in entry for entry in self.entries)

    def _take(self, number: int, line: bytes) -> None:
        try:
            read: object = strict_json.read(line)
        except ValueError as error:
            self.wrong.append(f"line {number}: {error}")
            return
        if not isinstance(read, dict):
            self.wrong.append(f"line {number} is no entry")
        elif "root" in read:
            self.told = read
            if read != {"size": len(self.tree), "root": self.tree.root().hex()}:
                self.wrong.append(f"line {number}: the entries above have another root")
        else:
            self.tree.append(line)
            self.lines.append(line)
            self.entries.append(read)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
