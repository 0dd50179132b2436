"""This file attacks a leaked snapshot by trying all cards there are (SN-07); it guards that only a key leads back.

Whoever tries 2^32 UIDs meets the right one, so it is the derivations that are tried here, on the right UIDs and on the
numbers of their transactions: unkeyed and guessably keyed hashes, salted with what is known, whole and cut. One weak
pseudonym that is planted must be broken first.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.attack.expect import Court, judge
from bench.attack.fill import UnknownError
from bench.attack.steps import Turn, step

from isolane.center.store.snapshot_inspection import inside
from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.recorder.facts import Heard
from isolane.health.recorder.keeper import Batch, Keeper
from isolane.health.recorder.settings import RecorderSettings
from isolane.wire.snapshot import Trigger
from isolane.wire.tap_event import decode

_ASKED = {"space": "2^32 UIDs", "given": "snapshot without key"}
_UIDS = ("04A1B2C3", "DEADBEEF", "1B2C3D4E", "04A1B2C3D4E5F6", "0412345678ABCD", "08FEDCBA")
"""Of 4 and 7 bytes, as cards have them."""
_CHARGER, _SITE = "CP1", "attack"
_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")
_KEYS = (b"", b"0", b"secret", b"isolane", b"changeme", _CHARGER.encode(), _SITE.encode(), bytes(16), bytes(32))
_CUT = 8
"""Letters of a digest that are enough to know somebody by."""
_T = "2026-06-01T00:00:00Z"
_KEY_BYTES_MIN = 16
_PSEUDONYM_DIGITS = 16
_HEARD_S = 30.0
_AGAIN_S = 0.5


@step("attack")
async def attack(turn: Turn) -> None:
    """Have cards used, freeze it into a snapshot, and try what leads from a card or transaction to a word in it."""
    if turn.args() != _ASKED:
        raise UnknownError(f"attack {turn.raw!r}")
    ground, measures = turn.ground, turn.proof.measures
    charger = await ground.connect(_CHARGER)
    numbers = []
    for uid in _UIDS:
        body = {"connectorId": 1, "idTag": uid, "meterStart": 1, "timestamp": _T}
        numbers.append(int((await charger.call("StartTransaction", body))[2]["transactionId"]))
        ended = {"transactionId": numbers[-1], "idTag": uid, "meterStop": 2, "timestamp": _T, "reason": "EmergencyStop"}
        await charger.call("StopTransaction", ended)
    names = await _pseudonyms(turn, len(_UIDS))
    data = await asyncio.to_thread(_snapshot, ground.told.packets)
    told = b"\n".join([data, *inside(data)])
    subjects = [*_UIDS, *map(str, numbers)]
    weak = told + hashlib.sha256(_UIDS[0].encode()).hexdigest()[:_PSEUDONYM_DIGITS].encode()
    if _recovered(weak, subjects) != [_UIDS[0]]:
        raise RuntimeError("who tries does not break a weak pseudonym")
    if not all(name.encode() in told for name in names):
        raise RuntimeError("the transactions are not in the snapshot, so nothing was tried")
    measures["recovered"] = len(_recovered(told, subjects))
    measures["requires"] = "; ".join(await _keyed(turn, told, numbers[-1], names[-1]))
    turn.proof.notes.append(f"{sum(1 for _ in _derived(_UIDS[0]))} derivations of {len(subjects)} names")


async def _pseudonyms(turn: Turn, count: int) -> list[str]:
    """Wait for what the tap calls the transactions that ended."""
    end = time.monotonic() + _HEARD_S
    while True:
        events = [one for one in turn.ground.told.events if one.get("pseudonym") and one.get("charger") == _CHARGER]
        names = list(dict.fromkeys(str(one["pseudonym"]) for one in events))
        if len(names) >= count or time.monotonic() > end:
            break
        await asyncio.sleep(0.05)
    if len(names) < count:
        raise RuntimeError(f"the tap has told of {len(names)} transactions")
    return names


def _snapshot(packets: Iterable[bytes]) -> bytes:
    """Have the recorder freeze what the tap told."""
    clock, utc_ms = SystemClock(), time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keeper = Keeper(RecorderSettings(), folder, Site(name=_SITE, gateway="gw", run_dir=folder), clock, None)
        keeper.open()
        heard = [Heard(utc_ms - 1, event) for packet in packets for event in decode(packet).events]
        keeper.step(Batch(heard=heard))
        keeper.step(Batch(triggers=[Trigger(kind="fault", charger=_CHARGER, t_ms=utc_ms, level=3)]))
        return next((folder / "snapshots").glob("*.mcap")).read_bytes()


def _recovered(told: bytes, subjects: Iterable[str]) -> list[str]:
    """Give the names that a derivation finds in a snapshot, or that stand there as they are if they are long enough."""
    return [name for name in subjects if any(word in told for word in _derived(name))]


def _derived(name: str) -> Iterator[bytes]:
    """Give what somebody might have made of a name, without the key."""
    for plain in _forms(name):
        if len(plain) >= _CUT:
            yield plain
        yield b"%08x" % zlib.crc32(plain)
        for salt in (b"", _CHARGER.encode(), _CHARGER.encode() + b"\0", _SITE.encode(), _SITE.encode() + b"\0"):
            for digest in (*(hashlib.new(kind, salt + plain, usedforsecurity=False).digest() for kind in _HASHES),):
                yield from _written(digest)
            for key in _KEYS:
                yield from _written(hmac.digest(key, salt + plain, "sha256"))


def _forms(name: str) -> list[bytes]:
    forms = [name.encode(), name.lower().encode()]
    if len(name) % 2 == 0 and all(letter in "0123456789ABCDEF" for letter in name):
        raw = bytes.fromhex(name)
        forms += [raw, raw[::-1], str(int.from_bytes(raw)).encode(), str(int.from_bytes(raw, "little")).encode()]
    return list(dict.fromkeys(forms))


def _written(digest: bytes) -> Iterator[bytes]:
    text = digest.hex().encode()
    yield text[:_PSEUDONYM_DIGITS]
    yield text[:_PSEUDONYM_DIGITS].upper()
    yield base64.b64encode(digest)[: _CUT + 2]


async def _keyed(turn: Turn, told: bytes, number: int, name: str) -> list[str]:
    """Say what is missing of a keyed HMAC, a key of the box's own outside of the snapshot, and its change."""
    ground = turn.ground
    file = next(ground.folder.rglob("tap-pseudonym.key"))
    key, text = file.read_bytes(), f"{_CHARGER}\0{number}".encode()
    wrong = [] if len(key) >= _KEY_BYTES_MIN else [f"a key of {len(key)} bytes"]
    wrong += [] if file.stat().st_mode & 0o077 == 0 else ["others may read the key"]
    wrong += ["the key is in the snapshot"] if key in told or key.hex().encode() in told else []
    if hmac.digest(key, text, "sha256").hex()[:_PSEUDONYM_DIGITS] != name:
        wrong.append("the pseudonym is not the HMAC that it is said to be")
    await ground.tap.stop()
    file.unlink()
    await ground.tap.start()
    later = await _told_again(turn, number)
    if not later:
        raise RuntimeError("the tap tells nothing under its new key")
    return [*wrong, *(["a new key gives the old pseudonym"] if name in later else [])]


async def _told_again(turn: Turn, number: int) -> set[str]:
    """Come back and end the same transaction until the new tap, which the relay finds after a while, tells of it."""
    ground, before = turn.ground, len(turn.ground.told.packets)
    await ground.chargers[_CHARGER].close()
    end, later = time.monotonic() + _HEARD_S, set[str]()
    ended = {"transactionId": number, "idTag": "x", "meterStop": 2, "timestamp": _T, "reason": "Local"}
    charger = await ground.connect(_CHARGER)
    while not later and time.monotonic() < end:
        await asyncio.sleep(_AGAIN_S)
        if not charger.is_connected:
            charger = await ground.connect(_CHARGER)
            continue
        await charger.call("StopTransaction", ended)
        packets = [json.loads(packet) for packet in ground.told.packets[before:]]
        later = {event["pseudonym"] for packet in packets for event in packet["events"] if event.get("pseudonym")}
    return later


@judge("requires", "keyed HMAC, per-tenant key, not in the snapshot; rotation breaks linkage")
def requires(court: Court) -> str:
    """What the step has found missing."""
    return str(court.measured())
