"""This file is `isolane audit verify`: a gateway's audit of commands, checked offline.

It guards that nothing is trusted but the gateway's public key.
"""

import argparse
from pathlib import Path

from isolane.cli import audit_frames
from isolane.cli.command_proof import Anchors, ProofError, check_proof
from isolane.core import strict_json
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.health.commands.journal import LINES, NOTES, origin
from isolane.security.audit import check
from isolane.security.key_manifest import ManifestError, first
from isolane.security.signing import load_public
from isolane.wire.command_proof import decode

DESCRIPTION = """\
Check the audit of a gateway's commands, exported as a folder with journal.jsonl and checkpoints.jsonl. Nothing but
public keys is needed, no network and no gateway. Checked are the chain of the lines, and each checkpoint of the gateway
against the Merkle tree of the lines. A cut end, an older copy and a second history show against a checkpoint that
somebody else has kept: give one or more with --witness, as the gateway sent them with statements and receipts.

In the place of the folder may stand a file that the center's page of a command has to download, the proof of that
command: who signed it (with --keys), what the gateway signed of it, that the audit has that line, and who co-signed.

Prints how many lines a checkpoint vouches for; exit code 1, and the first line that is not what was written, otherwise.

example:
  isolane audit verify north/audit --gateway gw-01 --key gw-01.pem
  isolane audit verify north/audit --gateway gw-01 --key gw-01.pem --witness kept.note
  isolane audit verify isolane-proof.json --gateway gw-01 --key gw-01.pem --keys keys-1.jws --center center:center.pem
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    frames = actions.add_parser(
        "frames",
        help="check hashes of messages that passed, prove one",
        description=audit_frames.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit_frames.configure(frames)
    verify = actions.add_parser("verify", help="check an exported audit")
    verify.add_argument("folder", type=Path, metavar="FOLDER", help=f"with {LINES} and {NOTES}; or a proof's file")
    verify.add_argument("--gateway", required=True, metavar="NAME", help="whose audit it is")
    verify.add_argument("--key", type=Path, required=True, metavar="FILE", help="the gateway's public key, PEM")
    verify.add_argument(
        "--witness", type=Path, action="append", default=[], metavar="FILE", help="a checkpoint kept elsewhere"
    )
    verify.add_argument("--keys", type=Path, metavar="FILE", help="for a proof: key manifest that you trust")
    verify.add_argument("--center", metavar="NAME:FILE", help="for a proof: name and public key that co-sign")


def run(options: argparse.Namespace) -> int:
    """Check it.

    Raises:
        IsolaneError: A file cannot be read, or a checkpoint is not the gateway's.
    """
    if "act" in options:
        return audit_frames.run(options)
    gateway = check_name("gateway", options.gateway)
    if options.folder.is_file():
        return _proof(options, gateway)
    lines = _lines(options.folder / LINES)
    try:
        notes = [str(strict_json.read(line)) for line in _lines(options.folder / NOTES)]
        notes += [_bytes(path).decode() for path in options.witness]
        vouched, finding = check(lines, notes, {gateway: load_public(options.key)}, origin(gateway))
    except ValueError as error:
        hint = "see which key and name are right"
        raise IsolaneError(f"a checkpoint is not one of {gateway}: {error}", hint) from error
    print(f"{len(lines)} lines, {len(notes)} checkpoints; a checkpoint vouches for the first {vouched}")
    if finding:
        print(f"NOT what was written, from line {finding.first_bad}: {finding.why}")
        return 1
    return 0


def _proof(options: argparse.Namespace, gateway: str) -> int:
    center = None
    if options.center is not None:
        name, _, path = options.center.partition(":")
        center = (check_name("center", name), load_public(Path(path)))
    try:
        trusted = None if options.keys is None else first(_bytes(options.keys))
    except ManifestError as error:
        raise IsolaneError(f"{options.keys} is no key manifest: {error}", "see isolane keys verify") from error
    try:
        told = check_proof(decode(_bytes(options.folder)), Anchors(gateway, load_public(options.key), trusted, center))
    except (ProofError, ValueError) as error:
        print(f"NOT proved: {error}")
        return 1
    print("\n".join(told))
    return 0


def _lines(path: Path) -> list[bytes]:
    data = _bytes(path)
    return data.removesuffix(b"\n").split(b"\n") if data else []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
