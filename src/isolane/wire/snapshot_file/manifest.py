"""This file writes the manifest of a snapshot and checks one; it guards that it follows from the file, and says so.

Everything in it is in the file too: notes (metadata records) say whose it is, what triggered it and what the gateway
knew of its clock; chunks are named by place, length and SHA-256. So a snapshot that was cut by a power cut gets its
manifest from what is left of it, and a reader checks a manifest by writing it anew.
"""

import base64
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from isolane.wire.snapshot import Trigger
from isolane.wire.snapshot_file.anatomy import MANIFEST, SIGNATURE, Anatomy, dissect, ending

VERSION = 1
HEAD, TRIGGER, CLOCK = "isolane.snapshot", "isolane.trigger", "isolane.clock"
"""Names of the notes."""
_NS_PER_MS = 1_000_000
_MS_MAX = (1 << 63) // _NS_PER_MS


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself; docs/reference/blackbox.md."""

    version: int
    id: str
    site: str
    gateway: str
    charger: str
    end: str
    from_ms: int
    to_ms: int
    triggers: tuple[Trigger, ...]
    clock: tuple[dict[str, str], ...]
    device: dict[str, str]
    software: dict[str, str]
    schemas: tuple[str, ...]
    messages: dict[str, int]
    chunks: tuple[tuple[int, int, str], ...]
    damaged: tuple[int, ...]
    """Places of chunks that do not fit their checksum."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Beside the manifest: who has signed it. Of an unsigned one all is empty."""

    algorithm: str = ""
    key: str = ""
    signature: str = ""


class Signs(Protocol):
    """Signs manifests."""

    algorithm: str
    key_id: str

    def sign(self, data: bytes) -> bytes:
        """Give the signature of some bytes."""
        ...


class Verifies(Protocol):
    """Checks signatures of one key; `security.signing.Verifier` does."""

    key_id: str

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Tell whether a signature is that of some bytes by its key."""
        ...


@dataclass
class Verdict:
    """What became of a check.

    Attributes:
        end: "whole", "cut" and completed after a restart, or "open": without an end.
        faults: What does not fit, each a sentence; a file without any is as it was written.
        signature: "good", "bad", "unsigned", "not checked" (no key given) or "other key".
        manifest: Of a file with an end.
        anatomy: Of the file.
    """

    end: str
    anatomy: Anatomy
    signature: str = "unsigned"
    faults: list[str] = field(default_factory=list)
    manifest: Manifest | None = None


def compose(found: Anatomy, end: str) -> Manifest:
    """Write the manifest of what is in a file.

    Args:
        found: The file.
        end: WHOLE or CUT.
    """
    head = found.told(HEAD)[0] if found.told(HEAD) else {}
    channels, messages = found.channels, found.messages
    times = [message.log_time for message in messages]
    counts = Counter(channels[message.channel_id].topic for message in messages if message.channel_id in channels)
    return Manifest(
        version=VERSION,
        id=head.get("id", ""),
        site=head.get("site", ""),
        gateway=head.get("gateway", ""),
        charger=head.get("charger", ""),
        end=end,
        from_ms=min(times, default=0) // _NS_PER_MS,
        to_ms=max(times, default=0) // _NS_PER_MS,
        triggers=tuple(msgspec.convert(note, Trigger, strict=False) for note in found.told(TRIGGER)),
        clock=tuple(found.told(CLOCK)),
        device={name[7:]: text for name, text in head.items() if name.startswith("device.")},
        software={name[9:]: text for name, text in head.items() if name.startswith("software.")},
        schemas=tuple(sorted({each.metadata["schema"] for each in channels.values() if "schema" in each.metadata})),
        messages=dict(sorted(counts.items())),
        chunks=tuple((chunk.at, chunk.length, chunk.sha256) for chunk in found.chunks),
        damaged=tuple(found.damaged),
    )


def sealed(found: Anatomy, end: str, signer: Signs | None) -> bytes:
    """Give the bytes that end a file: its manifest, the signature and the summary."""
    manifest = compose(found, end)
    told = msgspec.json.encode(manifest)
    signature = Signature()
    if signer is not None:
        text = base64.b64encode(signer.sign(told)).decode()
        signature = Signature(algorithm=signer.algorithm, key=signer.key_id, signature=text)
    return ending(found, told, msgspec.json.encode(signature), manifest.to_ms * _NS_PER_MS)


def check(data: bytes, key: Verifies | None = None, opened_bytes_max: int | None = None) -> Verdict:
    """Check a snapshot, whole or cut.

    Args:
        data: The file.
        key: The public half of the key that is to have signed it; None: whose it is is not checked.
        opened_bytes_max: What its chunks may take together once they are opened; None: whatever they take.

    Raises:
        ValueError: It is no snapshot, or opens to more than it may.
    """
    found = dissect(data, opened_bytes_max)
    verdict = Verdict("open", found)
    verdict.faults += [f"the chunk at byte {at} does not fit its checksum" for at in found.damaged]
    if MANIFEST not in found.attachments or SIGNATURE not in found.attachments:
        if found.is_ended:
            verdict.faults.append("there is no manifest")
        return verdict
    told, signature = found.attachments[MANIFEST].data, found.attachments[SIGNATURE].data
    try:
        manifest = msgspec.json.decode(told, type=Manifest)
        by = msgspec.json.decode(signature, type=Signature)
        mark = base64.b64decode(by.signature, validate=True)
    except (ValueError, RecursionError) as error:
        verdict.faults.append(f"the manifest cannot be read: {error}")
        return verdict
    verdict.manifest = manifest
    verdict.signature = _signature(key, told, by, mark)
    if not found.is_ended:
        return verdict  # cut while its end was being written
    verdict.end = manifest.end
    verdict.faults += _differences(manifest, compose(found, manifest.end))
    verdict.faults += [f"the message index of the chunk at byte {at} is not its own" for at in found.misindexed]
    if not 0 <= manifest.to_ms <= _MS_MAX or data[found.whole_bytes :] != ending(
        found, told, signature, manifest.to_ms * _NS_PER_MS
    ):
        verdict.faults.append("the summary is not that of the file")
    return verdict


def _differences(told: Manifest, real: Manifest) -> list[str]:
    faults = []
    held = dict.fromkeys(real.chunks)
    missing = [chunk for chunk in told.chunks if chunk not in held]
    faults += [f"the chunk at byte {at} is not the one the manifest names" for at, _, _ in missing]
    for name in Manifest.__struct_fields__:
        if name != "chunks" and getattr(told, name) != getattr(real, name):
            faults.append(f"the manifest says something else of {name} than the file")
    if not missing and told.chunks != real.chunks:
        faults.append("there are chunks that the manifest does not name")
    return faults


def _signature(key: Verifies | None, told: bytes, by: Signature, mark: bytes) -> str:
    if not by.algorithm:
        return "unsigned"
    if key is None:
        return "not checked"
    if key.key_id != by.key:
        return "other key"
    return "good" if key.verifies(told, mark) else "bad"
