"""This file is `isolane command`: what a person does who signs a command; it guards that nobody signs unseen.

What is signed is made here, from the request and from this release's own catalogue of verbs: class, number of people
and words are never taken from whoever proposed it. The statement is checked against the gateway's key.
"""

import argparse
import base64
import secrets
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from isolane.cli.passphrase import add_passphrase, open_key
from isolane.core import strict_json
from isolane.core.failures import IsolaneError
from isolane.security.envelope import COMMAND, STATEMENT, EnvelopeError, add, parse, seal, verify
from isolane.security.key_files import write_new
from isolane.security.signing import key_id, load_public
from isolane.wire.command import LIFE_S_MAX, Approval, Command, Name, Request, Statement, Text, Word, read, write
from isolane.wire.verbs.catalogue import VERBS
from isolane.wire.verbs.declaration import Declaration
from isolane.wire.verbs.explanation import Explanation, explain

DESCRIPTION = """\
Sign a command for a gateway, at a terminal, with a key in a file. What is about to be signed is shown in words first;
you sign by typing the gateway's name. The center proposes (the request) and brings what is signed to the gateway; it
holds no key that signs.

  sign     make a command from a request and the gateway's statement, and sign it as who asks for it
  approve  add the signature of a second person, to the same bytes
  show     say in words what a signed command is

A command lives five minutes, and needs a statement of the gateway that is not older than twenty. The request is JSON
with iss, aud, verb, args, pre, req (sub, role, ticket, reason) and seq.

example:
  isolane command sign request.json --statement gw-01.stmt --gateway-key gw-01.pem --key ann.pem --out command.jws
  isolane command approve command.jws --statement gw-01.stmt --gateway-key gw-01.pem --key bob.pem --out approved.jws
"""
_STATEMENT_AGE_S: Final = 1200


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a center proposes: of a command what is not for the signer's own machine to say."""

    iss: Name
    aud: Name
    verb: Word
    args: dict[str, object]
    pre: tuple[Text, ...]
    req: Request
    seq: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    sign = actions.add_parser("sign", help="make a command and sign it")
    sign.add_argument("request", type=Path, metavar="REQUEST", help="JSON that the center proposed")
    sign.set_defaults(action=_sign)
    approve = actions.add_parser("approve", help="add a second person's signature")
    approve.add_argument("command", type=Path, metavar="COMMAND", help="what the first person signed")
    approve.set_defaults(action=_approve)
    for each in (sign, approve):
        each.add_argument("--statement", type=Path, required=True, metavar="FILE", help="the gateway's latest")
        each.add_argument("--gateway-key", type=Path, required=True, metavar="FILE", help="its public key, PEM")
        each.add_argument("--key", type=Path, required=True, metavar="FILE", help="your private key")
        each.add_argument("--out", type=Path, required=True, metavar="FILE", help="where; nothing may be there")
        each.add_argument("--yes", action="store_true", help="do not ask; for machines that show it otherwise")
        add_passphrase(each)
    show = actions.add_parser("show", help="say in words what a signed command is")
    show.add_argument("command", type=Path, metavar="COMMAND", help="a signed command")
    show.set_defaults(action=_show)


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = options.action(options)
    return code


def _sign(options: argparse.Namespace) -> int:
    statement = _statement(options)
    try:
        told = strict_json.read(_bytes(options.request), strict_json.INTEGER_MAX)
        asked = msgspec.convert(told, Proposal, strict=True)
    except ValueError as error:
        raise IsolaneError(f"{options.request} is no request: {error}", "see docs/reference/commands.md") from error
    verb = _verb(asked.verb, asked.args)
    now = int(time.time())
    command = Command(
        v=1,
        jti=base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode(),
        iss=asked.iss,
        aud=asked.aud,
        verb=asked.verb,
        args=asked.args,
        pre=asked.pre,
        req=asked.req,
        appr=Approval(kind=verb.kind, need=verb.need),
        iat=now,
        nbf=now,
        exp=now + LIFE_S_MAX,
        boot=statement.boot,
        chal=statement.chal,
        seq=asked.seq,
        keys_ver=statement.keys_ver,
    )
    try:
        payload = write(command)
        said = explain(payload)
    except ValueError as error:
        raise IsolaneError(f"{options.request} makes no command: {error}", "ask the center for another") from error
    _confirm(said, statement, options)
    write_new(options.out, seal(payload, [open_key(options.key, options)], COMMAND), 0o644)
    left = f"; {verb.need - 1} more to sign" if verb.need > 1 else ""
    print(f"signed: {options.out}, good for {LIFE_S_MAX} s{left}")
    return 0


def _approve(options: argparse.Namespace) -> int:
    statement = _statement(options)
    said, data = _command(options.command)
    command = said.command
    if (command.boot, command.chal, command.keys_ver) != (statement.boot, statement.chal, statement.keys_ver):
        raise IsolaneError("it was made from another statement than this", "sign a new one from the latest")
    if not command.iat - LIFE_S_MAX <= time.time() < command.exp:
        raise IsolaneError("it has expired, or one of the two clocks is wrong", "sign a new one")
    _confirm(said, statement, options)
    signer = open_key(options.key, options)
    write_new(options.out, add(data, signer, COMMAND), 0o644)
    print(f"signed: {options.out}, good for {command.exp - int(time.time())} s")
    return 0


def _show(options: argparse.Namespace) -> int:
    said, data = _command(options.command)
    print(said.text())
    for each in parse(data, COMMAND).signatures:
        print(f"  signature of key {each.kid[:16]}, not checked here")
    return 0


def _confirm(said: Explanation, statement: Statement, options: argparse.Namespace) -> None:
    command = said.command
    if said.doubts:
        raise IsolaneError("; ".join(said.doubts), "do not sign it")
    if command.aud != statement.gw:
        raise IsolaneError(f"it is for {command.aud}, the statement is of {statement.gw}", "bring the right statement")
    print(said.text())
    if statement.frozen:
        print("  the gateway is FROZEN: it refuses all but reading and freeze.clear")
    if statement.clock == "unsynced":
        print("  the gateway's clock is not synchronised")
    if options.yes:
        return
    print(f"type the gateway's name to sign, anything else not to: {command.aud}")
    if sys.stdin.readline().strip() != command.aud:
        raise IsolaneError("not signed")


def _statement(options: argparse.Namespace) -> Statement:
    """Read a statement and check that the gateway signed it lately."""
    key = load_public(options.gateway_key)
    try:
        envelope = parse(_bytes(options.statement), STATEMENT)
        verify(envelope, {key_id(key): key})
        statement = read(envelope.payload, Statement)
    except (EnvelopeError, ValueError) as error:
        raise IsolaneError(f"{options.statement} is no statement of that gateway: {error}", "get the latest") from error
    if statement.clock == "synced" and abs(time.time() - statement.at / 1000) > _STATEMENT_AGE_S:
        raise IsolaneError("the statement is older than 20 minutes, or this machine's clock is wrong", "get the latest")
    return statement


def _command(path: Path) -> tuple[Explanation, bytes]:
    data = _bytes(path)
    try:
        return explain(parse(data, COMMAND).payload), data
    except ValueError as error:
        raise IsolaneError(f"{path} is no command: {error}", "sign one with: isolane command sign") from error


def _verb(name: str, args: dict[str, object]) -> Declaration:
    verb = VERBS.get(name)
    if verb is None:
        raise IsolaneError(f"{name!r} is no verb", f"there are {', '.join(VERBS)}")
    try:
        verb.read(args)
    except ValueError as error:
        raise IsolaneError(f"arguments that {name} does not take: {error}", "do not sign it") from error
    return verb


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
