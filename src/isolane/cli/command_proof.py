"""This file checks the proof of one command; it guards that every sentence it prints follows from a signature.

Trusted are the gateway's public key and, where they are given, a key manifest and the center's key. Nothing that the
center wrote around what was signed is believed.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from isolane.core import strict_json
from isolane.health.commands.journal import origin
from isolane.health.commands.receipt import open_receipt
from isolane.security.checkpoint import Checkpoint, open_note
from isolane.security.envelope import COMMAND, EnvelopeError, parse, verify
from isolane.security.key_manifest import RIGHTS, Trusted
from isolane.security.merkle import is_consistent, is_included, leaf_hash
from isolane.security.signing import PublicKey
from isolane.wire.command import Command
from isolane.wire.command_proof import CommandProof, ProofPoint
from isolane.wire.receipt import Receipt
from isolane.wire.verbs.explanation import explain


class ProofError(Exception):
    """The proof proves nothing, and why: a sentence."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is trusted.

    Attributes:
        gateway: Name of the gateway.
        key: Its public key.
        trusted: Key manifest; None: who signed the command is not checked.
        center: Name and public key under which the center co-signs; None: not checked.
    """

    gateway: str
    key: PublicKey
    trusted: Trusted | None = None
    center: tuple[str, PublicKey] | None = None


def check_proof(proof: CommandProof, anchors: Anchors) -> list[str]:
    """Check a proof.

    Returns:
        What is proved, a sentence each.

    Raises:
        ProofError: A part does not hold.
    """
    payload = _payload(proof)
    try:
        told = explain(payload)
    except ValueError as error:
        raise ProofError(f"its payload is no command: {error}") from error
    command = told.command
    if (command.aud, command.jti) != (anchors.gateway, proof.jti):
        raise ProofError(f"it is of command {command.jti} for {command.aud}, not of {proof.jti} for {anchors.gateway}")
    lines = [f"command {command.jti}", told.text(), *_signed(proof, payload, command, anchors)]
    points = _points(proof.checkpoints, anchors)
    receipts = [_receipt(text, payload, anchors) for text in proof.receipts]
    for receipt in receipts:
        lines += _said(receipt, command, points, anchors)
    if not receipts:
        lines.append("no receipt: what became of it is not proved")
    if points:
        newest = points[-1][0]
        lines.append(f"{len(points)} checkpoints of the audit hold, the newest of {newest.size} lines")
    return lines


def _payload(proof: CommandProof) -> bytes:
    try:
        return base64.b64decode(proof.payload + "=" * (-len(proof.payload) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError("its payload is no base64url") from error


def _signed(proof: CommandProof, payload: bytes, command: Command, anchors: Anchors) -> list[str]:
    """Say who signed the command."""
    if not proof.command:
        return ["not signed by all who have to"]
    trusted = anchors.trusted
    try:
        envelope = parse(proof.command.encode(), COMMAND)
        if envelope.payload != payload:
            raise ProofError("its envelope holds another payload")
        if trusted is None:
            return [f"{len(envelope.signatures)} signatures, not checked: give the key manifest with --keys"]
        verify(envelope, trusted.keys)
    except EnvelopeError as error:
        raise ProofError(f"the signatures of the command do not hold: {error}") from error
    if command.keys_ver != trusted.manifest.version:
        raise ProofError(f"it was signed under key manifest {command.keys_ver}, given is {trusted.manifest.version}")
    holders = [trusted.holders[each.kid] for each in envelope.signatures]
    entitled = {each.person for each in holders if command.appr.kind in RIGHTS[each.role]}
    if len(entitled) < command.appr.need:
        raise ProofError(f"{len(entitled)} of {command.appr.need} people with a right to it signed")
    return [f"signed by {', '.join(sorted(f'{each.person} as {each.role}' for each in holders))}"]


def _receipt(text: str, payload: bytes, anchors: Anchors) -> Receipt:
    try:
        return open_receipt(text.encode(), anchors.key, anchors.gateway, hashlib.sha256(payload).hexdigest())
    except ValueError as error:
        raise ProofError(f"a receipt does not hold: {error}") from error


def _said(
    receipt: Receipt, command: Command, points: Sequence[tuple[Checkpoint, frozenset[str]]], anchors: Anchors
) -> list[str]:
    """Say what a receipt proves."""
    why = f" ({': '.join(each for each in (receipt.reason, receipt.detail) if each)})" if receipt.reason else ""
    lines = [f"{anchors.gateway} signed: {receipt.state}{why}"]
    if not receipt.line:
        return lines
    tree, _ = _open(receipt.checkpoint, anchors)
    path = [bytes.fromhex(each) for each in receipt.path]
    if not is_included(leaf_hash(receipt.line.encode()), receipt.entry, tree.size, path, tree.root):
        raise ProofError(f"line {receipt.entry} is not in the tree that the receipt names")
    told = strict_json.read(receipt.line.encode(), strict_json.INTEGER_MAX)
    if not isinstance(told, dict) or (told.get("jti"), told.get("state")) != (command.jti, receipt.state):
        raise ProofError(f"line {receipt.entry} of the audit tells of something else")
    lines.append(f"line {receipt.entry} of its audit says so, in a tree of {tree.size} lines that it has signed")
    same = [(point, names) for point, names in points if point.size == tree.size]
    if any(point.root != tree.root for point, _ in same):
        raise ProofError(f"the audit has a second history: two trees of {tree.size} lines are signed")
    witnesses = {name for _, names in same for name in names} - {anchors.gateway}
    if witnesses:
        lines.append(f"that very tree is co-signed by {', '.join(sorted(witnesses))}")
    elif anchors.center is not None:
        lines.append(f"that tree is not co-signed by {anchors.center[0]} in this proof")
    return lines


def _points(points: Sequence[ProofPoint], anchors: Anchors) -> list[tuple[Checkpoint, frozenset[str]]]:
    """Open checkpoints and check that each goes on from the one before, where that is proved."""
    found: list[tuple[Checkpoint, frozenset[str]]] = []
    for point in points:
        opened, names = _open(point.note, anchors)
        before = found[-1][0] if found else None
        if before is not None and opened.size <= before.size:
            raise ProofError("its checkpoints are not in order")
        if before is not None and point.old == before.size:
            path = [bytes.fromhex(each) for each in point.path]
            if not is_consistent(before.size, opened.size, path, before.root, opened.root):
                raise ProofError(f"the audit of {opened.size} lines does not begin with that of {before.size}")
        found.append((opened, names))
    return found


def _open(note: str, anchors: Anchors) -> tuple[Checkpoint, frozenset[str]]:
    keys = {anchors.gateway: anchors.key}
    if anchors.center is not None:
        keys[anchors.center[0]] = anchors.center[1]
    try:
        point, names = open_note(note, keys)
    except ValueError as error:
        raise ProofError(f"a checkpoint does not hold: {error}") from error
    if point.origin != origin(anchors.gateway) or anchors.gateway not in names:
        raise ProofError(f"a checkpoint is not one of {anchors.gateway}")
    return point, names
