"""This file plants words of people and of secrets in all messages that have room (SN-02, SN-03), and looks for them.

They go through relay and tap, a gateway with a black box, and its center, by all flows, through a crash and a backup.
What is packed is opened before it is looked at: every zstd frame in every file. The CSMS must have got each word, so
that it was there; who looks must find one that is planted for him.
"""

import asyncio
import base64
import contextlib
import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard
from bench.attack.charger import Charger
from bench.attack.fill import UnknownError
from bench.attack.ground import Ground, secret_of
from bench.attack.steps import Turn, step
from bench.attack.uplink.box import Box, box

_MAGIC = b"\x28\xb5\x2f\xfd"
_OPENED_MAX = 1 << 24
_T = "2026-06-01T00:00:00Z"
_SETTLE_S = 1.0
_OF_PEOPLE = (
    "idTag", "parentIdTag", "idToken", "additionalInfo", "EVCCID", "eMAID", "plate", "groupIdToken",
)  # fmt: skip
_SECRET = ("AuthorizationKey", "Authorization header", "key PEM", "ftp userinfo", "cookie")
_FLOWS = {"all flows + crash", "all flows + debug level + crash"}


@step("seed_canaries")
async def seed(turn: Turn) -> None:
    """Make a word of each kind; each is another in each run, and short enough for the shortest field."""
    kinds = list(turn.arg())
    if not kinds or set(kinds) - {*_OF_PEOPLE, *_SECRET}:
        raise UnknownError(f"seed_canaries {kinds}")
    words = {kind: f"CNRY{secrets.token_hex(7).upper()}" for kind in kinds}
    turn.proof.measures["canaries"] = words


@step("exercise")
async def exercise(turn: Turn) -> None:
    """Let them flow, crash what can crash; look on the disk, in logs, pages, the tap's packets and a backup."""
    if turn.arg() not in _FLOWS or not turn.proof.measures.get("canaries"):
        raise UnknownError(f"exercise {turn.arg()}")
    ground, words = turn.ground, dict(turn.proof.measures["canaries"])
    loud = ("--log-level", "debug") if "debug" in turn.arg() else ()
    if loud:
        await _again(ground, loud)
    async with box(ground.folder / "box", words=loud) as own:
        pages = await _flow(ground, own, words)
        found = await asyncio.to_thread(_found, ground, words, pages)
    turn.proof.measures["canary_found_in"] = found
    turn.proof.measures["restarted"] = True
    turn.proof.notes.append(f"{len(words)} words, {own.fed} packets of the tap, {len(pages)} pages")


async def _again(ground: Ground, words: tuple[str, ...]) -> None:
    for process in (ground.tap, ground.relay):
        await process.stop()
        process.words = words
        await process.start()


async def _flow(ground: Ground, own: Box, words: dict[str, str]) -> dict[str, bytes]:
    """Send everything, crash tap and gateway, and give the pages that can be read."""
    first = await ground.connect("CP1")
    second = await ground.connect("CP2", ("Sec-WebSocket-Protocol: ocpp2.0.1",))
    for charger, calls in ((first, _calls_16(words)), (second, _calls_201(words))):
        for action, body in calls:
            await charger.call(action, body)
    for charger in (first, second):
        await _down(ground, charger, words)
    await asyncio.sleep(_SETTLE_S)
    for word in (one for kind, one in words.items() if kind not in {"cookie", "Authorization header", "key PEM"}):
        if not any(word.encode() in message for session in ground.csms.sessions for message in _all(session, ground)):
            raise RuntimeError("the CSMS and the chargers have not got every word, so nothing was tried")
    await own.feed(ground.told.packets)
    await own.until(lambda: bool(own.snapshots), "a snapshot of the fault")
    os.kill(ground.tap.pid, signal.SIGABRT)
    await ground.tap.kill()
    await ground.tap.start()
    await own.restart()
    await own.until(lambda: bool(own.collected), "the snapshot is at the center")
    identity = own.collected[0].stem
    paths = (
        "/", "/snapshots", f"/snapshots/{identity}", f"/api/v1/snapshots/{identity}",
        f"/api/v1/snapshots/{identity}/report",
        f"/api/v1/snapshots/{identity}/file", "/api/v1/chargers", "/alarms", "/ledger", "/nowhere", "/api/v1/nowhere",
    )  # fmt: skip
    cookie = words.get("cookie", "")
    pages = {path: await own.page(own.console + path) for path in paths}
    pages["with a cookie"] = await own.page(own.console + "/alarms", Cookie=f"isolane-session={cookie}")
    pages["with a token"] = await own.page(own.console + "/api/v1/chargers", Authorization=f"Bearer {cookie}")
    for process in (ground.relay, ground.tap, own.health, own.center):
        found = re.search(r"metrics=(\S+)", process.ready)
        pages[f"metrics of {process.name}"] = await own.page(f"http://{found[1]}/metrics") if found else b""
    await _backup(own)
    return pages


def _all(session: Any, ground: Ground) -> Iterator[bytes]:  # noqa: ANN401 - csms.Session
    """Give what one connection has brought to the CSMS, and what its charger has got."""
    yield from session.link.messages
    yield from (
        one for charger in ground.living if charger.link and charger.key == session.key for one in charger.link.messages
    )


def _calls_16(words: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    tag = words.get("idTag", "TAG")
    everything = " ".join(words.values())
    value = [
        {"timestamp": _T, "sampledValue": [{"value": "1", "measurand": "Power.Active.Import", "context": "Other"}]}
    ]
    return [
        ("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m", "iccid": tag, "imsi": tag}),
        ("Authorize", {"idTag": tag}),
        ("StartTransaction", {"connectorId": 1, "idTag": tag, "meterStart": 1, "timestamp": _T}),
        ("MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": value}),
        ("DataTransfer", {"vendorId": "v", "messageId": "plate", "data": everything}),
        ("DiagnosticsStatusNotification", {"status": "Uploading", "info": everything}),
        ("SignCertificate", {"csr": f"-----BEGIN CERTIFICATE REQUEST-----{everything}"}),
        ("StatusNotification", {"connectorId": 1, "status": "Charging", "errorCode": "NoError", "info": everything}),
        ("StatusNotification", {
            "connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure", "info": everything[:50],
            "vendorErrorCode": tag,
        }),
        ("StopTransaction", {
            "transactionId": 1, "idTag": tag, "meterStop": 2, "timestamp": _T, "reason": "EmergencyStop",
        }),
    ]  # fmt: skip


def _calls_201(words: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    token = {
        "idToken": words.get("idToken", "T"), "type": "ISO14443",
        "additionalInfo": [{"additionalIdToken": words.get("additionalInfo", "A"), "type": words.get("EVCCID", "E")}],
    }  # fmt: skip
    everything = " ".join(words.values())
    sampled = [{"timestamp": _T, "sampledValue": [{"value": 1, "measurand": "Power.Active.Import"}]}]
    return [
        ("BootNotification", {"reason": "PowerUp", "chargingStation": {"model": "m", "vendorName": "v"}}),
        ("Authorize", {"idToken": token, "certificate": everything}),
        ("TransactionEvent", {
            "eventType": "Started", "timestamp": _T, "triggerReason": "Authorized", "seqNo": 1, "idToken": token,
            "transactionInfo": {"transactionId": words.get("eMAID", "tx")}, "evse": {"id": 1}, "meterValue": sampled,
        }),
        ("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": {"evccId": words.get("EVCCID", "E")}}),
        ("NotifyEvent", {"generatedAt": _T, "seqNo": 0, "eventData": [{
            "eventId": 1, "timestamp": _T, "trigger": "Alerting", "actualValue": everything, "techInfo": everything,
            "eventNotificationType": "HardWiredNotification", "component": {"name": "Connector"},
            "variable": {"name": "Problem"},
        }]}),
        ("Get15118EVCertificate", {"exiRequest": everything, "action": "Install", "iso15118SchemaVersion": "x"}),
        ("DataTransfer", {"vendorId": "v", "data": {"plate": words.get("plate", "P"), "all": everything}}),
        ("StatusNotification", {"timestamp": _T, "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1}),
    ]  # fmt: skip


async def _down(ground: Ground, charger: Charger, words: dict[str, str]) -> None:
    """Have the CSMS say everything too."""
    everything = " ".join(words.values())
    user = words.get("ftp userinfo", "u")
    said: list[tuple[str, dict[str, Any]]] = [
        ("RemoteStartTransaction", {"idTag": words.get("idTag", "T"), "connectorId": 1}),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [
            {"idTag": words.get("idTag", "T"), "idTagInfo": {"parentIdTag": words.get("parentIdTag", "P")}}]}),
        ("ReserveNow", {"id": 1, "idToken": {"idToken": words.get("idToken", "T")}, "groupIdToken": {
            "idToken": words.get("groupIdToken", "G")}}),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": words.get("AuthorizationKey", "x" * 16)}),
        ("GetDiagnostics", {"location": f"ftp://{user}:{user}@canary.example/{user}"}),
        ("InstallCertificate", {"certificateType": "CSMSRootCertificate", "certificate": everything}),
        ("DataTransfer", {"vendorId": "v", "data": everything}),
    ]  # fmt: skip
    for number, (action, body) in enumerate(said):
        await ground.csms.call(charger.identity, f"c-{action}-{number}", action, body)


async def _backup(own: Box) -> None:
    """Save the center as a person does; its files are looked through as all others are."""
    words = ("center", "backup", "-c", str(own.folder / "center.toml"), str(own.folder / "saved"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isolane", *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError("the center cannot be saved")


def _found(ground: Ground, words: dict[str, str], pages: dict[str, bytes]) -> list[str]:
    """Give where a word is; keys and passwords are the site's own, looked for outside of the files that keep them."""
    wanted = [word.encode() for word in words.values()]
    if "Authorization header" in words:
        secret = secret_of("CP1")
        wanted += [secret, base64.b64encode(b"CP1:" + secret)]
    if "key PEM" in words:
        keys = [path.read_bytes() for path in ground.folder.rglob("*.key")] + [_tap_key(ground)]
        wanted += [line for key in keys for line in key.split(b"\n") if len(line) > 30 and b"PRIVATE" not in line]
    control = ground.folder / "control"
    control.write_bytes(b"x" + zstandard.ZstdCompressor().compress(b"before " + wanted[0]))
    found = [str(path.relative_to(ground.folder)) for path in _files(ground.folder) if _has(path.read_bytes(), wanted)]
    control.unlink()
    if "control" not in found:
        raise RuntimeError("who looks for words does not find a packed one")
    found.remove("control")
    found += [name for name, page in pages.items() if _has(page, wanted)]
    return found + (["the tap's packets"] if any(_has(packet, wanted) for packet in ground.told.packets) else [])


def _tap_key(ground: Ground) -> bytes:
    return next((path.read_bytes() for path in ground.folder.rglob("tap-pseudonym.key")), b"")


def _files(folder: Path) -> Iterator[Path]:
    """Give every file but those that keep keys."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".key" and "pki" not in path.parts:
            yield path


def _has(data: bytes, wanted: list[bytes]) -> bool:
    """Tell whether a word stands in some bytes, or in what is packed in them."""
    return any(word in content for content in (data, *_unpacked(data)) for word in wanted)


def _unpacked(data: bytes) -> Iterator[bytes]:
    at = data.find(_MAGIC)
    while at >= 0:
        with contextlib.suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[at : at + _OPENED_MAX])
        at = data.find(_MAGIC, at + 1)
