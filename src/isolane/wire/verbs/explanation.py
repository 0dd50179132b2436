"""This file says a command in words for whoever is about to sign it; it guards that nobody signs unseen.

It reads the very bytes that are signed and this release's own catalogue, and nothing that whoever proposed it says
beside them. What does not fit the catalogue is a doubt: with one, no signer signs. No text of the command can look like
another row, or as if it came from here: texts that people wrote stand in quotation marks, arguments in ASCII.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from isolane.wire.command import Command, read
from isolane.wire.verbs import interlock
from isolane.wire.verbs.catalogue import VERBS
from isolane.wire.verbs.declaration import Declaration


@dataclass(frozen=True, slots=True)
class Explanation:
    """A command in words.

    Attributes:
        command: The command.
        rows: Name and text of each line.
        doubts: What does not fit the catalogue, a sentence each; a command with one is not signed.
    """

    command: Command
    rows: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...]

    def text(self) -> str:
        """Give all of it for a terminal."""
        lines = [f"  {name:<9} {text}" for name, text in self.rows]
        return "\n".join([*lines, *(f"  DO NOT SIGN: {doubt}" for doubt in self.doubts)])


def explain(payload: bytes) -> Explanation:
    """Say what is signed.

    Args:
        payload: Of the envelope; bytes of anybody's choosing.

    Raises:
        ValueError: It is no command.
    """
    command = read(payload, Command)
    verb = VERBS.get(command.verb)
    rows = [("gateway", command.aud), *_deed(command, verb)]
    rows += [("only if", _condition(name)) for name in command.pre] or [("only if", "no conditions")]
    people = "1 person signs" if command.appr.need == 1 else f"{command.appr.need} people sign"
    rows += [
        ("class", f"{command.appr.kind}, {people}"),
        ("asked by", f"{command.req.sub} as {command.req.role}, by way of {command.iss}"),
        ("ticket", json.dumps(command.req.ticket, ensure_ascii=False)),
        ("reason", json.dumps(command.req.reason, ensure_ascii=False)),
        ("until", _until(command.exp)),
    ]
    return Explanation(command, tuple(rows), tuple(_doubts(command, verb)))


def _deed(command: Command, verb: Declaration | None) -> list[tuple[str, str]]:
    rows = [("what", f"{command.verb}: {verb.words if verb else 'NOT KNOWN HERE'}")]
    charger = command.args.get("charger")
    if isinstance(charger, str):
        rows.append(("charger", json.dumps(charger)))
    if verb is not None:
        try:
            told = verb.told(verb.read(command.args))
        except ValueError:
            told = ""
        rows += [("that is", told)] if told else []
    rows.append(("with", json.dumps(command.args, ensure_ascii=True) if command.args else "no arguments"))
    return rows


def _condition(name: str) -> str:
    try:
        return interlock.words(name)
    except ValueError:
        return f"{json.dumps(name)}: NOT KNOWN HERE"


def _until(exp: int) -> str:
    try:
        return datetime.fromtimestamp(exp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "a time that no calendar has"


def _doubts(command: Command, verb: Declaration | None) -> Iterator[str]:
    if verb is None:
        yield f"{command.verb} is no verb of this release"
        return
    if (command.appr.kind, command.appr.need) != (verb.kind, verb.need):
        yield f"it says class {command.appr.kind} and {command.appr.need} to sign; it is {verb.kind} and {verb.need}"
    try:
        expected = verb.pre(command.args)
    except ValueError as error:
        yield f"arguments that {verb.name} does not take: {str(error)[:200]!a}"
        return
    if command.pre != expected:
        yield f"it names other conditions than {verb.name} has"
