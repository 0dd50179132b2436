"""This file checks that no charger is shut out by a password that the gateway keeps, whatever becomes of its change.

A CSMS changes the password of a charger through the relay, and the relay's process is killed at each step; chargers,
CSMS and relay are real peers over real sockets. Afterwards the CSMS alone decides about the old password and the new.
"""

import asyncio
import base64
import fcntl
import hashlib
import json
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from isolane.value.access.credentials import protect, read_verifiers, write_verifiers
from support.raw_peer import TEXT, RawCsms, accept, ask, end, frame, raw_csms, request
from support.relay import Relay, relaying

OLD, NEW = b"old-password-0001", bytes(range(0xEC, 0x100))
"""The new one is what 1.6 configures as 40 hex digits: 20 bytes that are no UTF-8."""
MASK = b"\x11\x22\x33\x44"
LISTEN = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
LEARN = LISTEN + '[value.access]\nauth = "verify"\ncredentials = "credentials"\nlearn = "from-csms"\n'
WAIT_S = 20

CALLS = {
    "ChangeConfiguration": {"key": "AuthorizationKey", "value": NEW.hex()},
    "SetVariables": {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}, "attributeValue": "..."}]},
    "SetNetworkProfile": {"configurationSlot": 1, "connectionData": {"securityProfile": 1}},
}


class Csms:
    """What a CSMS knows of CP1: the passwords that are right. One that came in makes the others wrong."""

    def __init__(self) -> None:
        self.right = {OLD}
        self.asked = 0

    def answer(self, head: bytes) -> bytes:
        self.asked += 1
        line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization: "))
        password = base64.b64decode(line[21:]).partition(b":")[2]
        if password not in self.right:
            return b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
        self.right = {password}
        return accept(head)


def handshake(password: bytes) -> bytes:
    field = base64.b64encode(b"CP1:" + password).decode()
    return request("/ocpp/CP1", f"Authorization: Basic {field}")


async def status(relay: Relay, password: bytes) -> int:
    peer = await ask(relay.ports[0], handshake(password))
    await end(peer.writer)
    await relay.until_metric("isolane_value_connections", 0)
    return int(peer.head.split(b" ")[1])


def is_stored(folder: Path, password: bytes) -> bool:
    verifier = read_verifiers(folder / "credentials")["CP1"]
    return hashlib.scrypt(password, salt=verifier.salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32) == verifier.key


def shows_nothing(folder: Path, log: list[str]) -> None:
    """See that neither password is in any file or line, in any spelling."""
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()) + "".join(log).encode()
    for password in (OLD, NEW):
        spellings = (
            password,
            password.hex().encode(),
            base64.b64encode(password),
            base64.b64encode(b"CP1:" + password),
        )
        assert not any(spelling in content for spelling in spellings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_verifiers(tmp_path / "credentials", {"CP1": protect(OLD), "CP2": protect(b"another")})
    return tmp_path


async def rotate(relay: Relay, upstream: RawCsms, action: str, reply: str | None) -> None:
    """Let the CSMS change the password of a connected charger, which answers so, or not at all."""
    charger = await ask(relay.ports[0], handshake(OLD))
    csms = await upstream.accepted()
    call = frame(TEXT, json.dumps([2, "1", action, CALLS[action]]).encode())
    csms.writer.write(call)
    async with asyncio.timeout(WAIT_S):
        assert await charger.reader.readexactly(len(call)) == call
        if reply is not None:
            answer = frame(TEXT, json.dumps([3, "1", {"status": reply}]).encode(), mask=MASK)
            charger.writer.write(answer)
            assert await csms.reader.readexactly(len(answer)) == answer
    await end(charger.writer)
    await relay.until_metric("isolane_value_connections", 0)


@pytest.mark.parametrize(
    ("action", "reply", "right"),
    [
        ("ChangeConfiguration", "Accepted", {NEW}),
        ("ChangeConfiguration", "Rejected", {OLD}),
        ("ChangeConfiguration", "NotSupported", {OLD}),
        ("ChangeConfiguration", None, {OLD, NEW}),
        ("SetVariables", "Accepted", {NEW}),
        ("SetNetworkProfile", "Accepted", {NEW}),
    ],
)
async def test_the_csms_decides_whatever_was_answered(
    folder: Path, action: str, reply: str | None, right: set[bytes]
) -> None:
    csms = Csms()
    async with raw_csms(csms.answer) as upstream:
        async with relaying(folder, f'url = "ws://127.0.0.1:{upstream.port}"', listen=LEARN) as relay:
            await rotate(relay, upstream, action, reply)
            csms.right = set(right)
            if right == {OLD}:
                assert await status(relay, NEW) == 401
                assert await status(relay, OLD) == 101
                assert is_stored(folder, OLD)
            else:
                assert await status(relay, NEW) == 101
                assert is_stored(folder, NEW)
                assert await status(relay, OLD) == 401
                assert await status(relay, NEW) == 101
                await relay.until_metric('isolane_value_security_events_total{type="credential"}', 1)
        shows_nothing(folder, relay.log)


async def test_the_old_one_serves_until_the_new_one_is_seen(folder: Path) -> None:
    csms = Csms()
    async with raw_csms(csms.answer) as upstream:  # noqa: SIM117 - one line each
        async with relaying(folder, f'url = "ws://127.0.0.1:{upstream.port}"', listen=LEARN) as relay:
            await rotate(relay, upstream, "ChangeConfiguration", None)
            csms.right = {OLD, NEW}
            assert await status(relay, OLD) == 101
            assert await status(relay, NEW) == 401, "the CSMS has seen the old one, so the new one is none"
            csms.right = {OLD, NEW}
            assert await status(relay, NEW) == 101
            assert await status(relay, OLD) == 401
            csms.right = {OLD}
            assert await status(relay, OLD) == 101, "a CSMS that goes back takes the charger with it"
            assert is_stored(folder, OLD)


class KilledError(Exception):
    """The relay was killed, so its end is none to look at."""


async def _before_the_answer(folder: Path, asked: asyncio.Event, kill: Callable[[], None]) -> None:
    await asked.wait()
    kill()
    assert is_stored(folder, OLD)


async def _before_the_commit(folder: Path, asked: asyncio.Event, kill: Callable[[], None]) -> None:
    """The CSMS has said yes, and the file cannot be changed: somebody holds its lock."""
    lock = os.open(folder / ".credentials.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    await asked.wait()
    kill()
    assert is_stored(folder, OLD)
    os.close(lock)


async def _after_the_commit(folder: Path, asked: asyncio.Event, kill: Callable[[], None]) -> None:
    before = (folder / "credentials").stat().st_ino
    await asked.wait()
    while (folder / "credentials").stat().st_ino == before:
        await asyncio.sleep(0)
    kill()
    assert is_stored(folder, NEW)


@pytest.mark.parametrize("right", [(OLD,), (NEW,)], ids=["old", "new"])
@pytest.mark.parametrize("step", [_before_the_answer, _before_the_commit, _after_the_commit])
async def test_a_death_at_any_step_shuts_nobody_out(
    folder: Path,
    step: Callable[[Path, asyncio.Event, Callable[[], None]], Awaitable[None]],
    right: tuple[bytes, ...],
) -> None:
    csms, asked, log = Csms(), asyncio.Event(), []
    csms.right = {OLD, NEW}

    def answer(head: bytes) -> bytes:
        said = csms.answer(head)
        is_first = not asked.is_set()
        asked.set()
        return b"" if is_first and step is _before_the_answer else said

    async with raw_csms(answer) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        with pytest.raises(KilledError):  # noqa: PT012 - the relay is killed within
            async with relaying(folder, url, listen=LEARN) as relay:
                log = relay.log
                _, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
                writer.write(handshake(NEW))
                async with asyncio.timeout(WAIT_S):
                    await step(folder, asked, relay.process.kill)
                await end(writer)
                raise KilledError
        async with relaying(folder, url, listen=LEARN) as relay:
            csms.right = set(right)
            assert [await status(relay, password) == 101 for password in (NEW, OLD)] == [NEW in right, OLD in right]
            csms.right = {OLD, NEW}
            assert await status(relay, OLD) == 101, "while both are right either will do"
        shows_nothing(folder, log + relay.log)


async def test_a_file_that_cannot_be_changed_keeps_nobody_out(folder: Path) -> None:
    csms = Csms()
    csms.right = {NEW}
    async with raw_csms(csms.answer) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(folder, url, listen=LEARN, may_log_errors=True) as relay:
            lock = os.open(folder / ".credentials.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert await status(relay, NEW) == 101
            await relay.until_log("credential-not-kept")
            assert await status(relay, NEW) == 101, "this process knows it"
            os.close(lock)
            assert is_stored(folder, OLD)


async def test_nobody_else_is_let_in_or_told_more(folder: Path) -> None:
    csms = Csms()

    async def answer(relay: Relay, charger: str, password: bytes) -> tuple[bytes, float]:
        begun = asyncio.get_running_loop().time()
        field = base64.b64encode(charger.encode() + b":" + password).decode()
        peer = await ask(relay.ports[0], request(f"/ocpp/{charger}", f"Authorization: Basic {field}"))
        await end(peer.writer)
        return peer.head, asyncio.get_running_loop().time() - begun

    async with raw_csms(csms.answer) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(folder, url, value='allow = ["CP1", "CP9"]', listen=LEARN) as relay:
            said = [await answer(relay, charger, b"guess") for charger in ("CP1", "CP2", "CP9")]
            assert said[0][0].startswith(b"HTTP/1.1 401 ")
            assert {head for head, _ in said} == {said[0][0]}, "known, not on the list, unknown"
            assert all(took_s >= 1 for _, took_s in said)
            assert csms.asked == 1, "only a charger that has a password here gets as far as the CSMS"
            before = (folder / "credentials").read_bytes()
            assert [await status(relay, b"%d" % number) for number in range(4)] == [401, 401, 429, 429]
            assert csms.asked == 3
            assert (folder / "credentials").read_bytes() == before


async def test_a_person_who_takes_a_charger_out_is_not_overruled(folder: Path) -> None:
    csms = Csms()
    csms.right = {NEW}
    async with raw_csms(csms.answer) as upstream:  # noqa: SIM117 - one line each
        async with relaying(folder, f'url = "ws://127.0.0.1:{upstream.port}"', listen=LEARN) as relay:
            write_verifiers(folder / "credentials", {"CP2": protect(b"another")})
            relay.process.send_signal(signal.SIGHUP)
            await relay.until_log("reloaded ")
            assert await status(relay, NEW) == 401
            assert csms.asked == 0


async def test_a_charger_for_which_the_gateway_speaks_speaks_for_itself_once_that_is_what_the_csms_takes(
    folder: Path,
) -> None:
    csms, ca = Csms(), trustme.CA()
    csms.right = {b"the gateway's"}
    ca.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "secret").write_bytes(b"the gateway's")
    (folder / "secret").chmod(0o600)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    listen = LEARN.replace('"verify"', '"verify-and-replace"') + '[[value.retrofit]]\ncharger = "CP1"\n'
    listen += 'password = "file:secret"\n' + LISTEN + 'auth = "replace"\n'
    async with raw_csms(csms.answer, context) as upstream:
        url = f'url = "wss://127.0.0.1:{upstream.port}"\nca = "ca.pem"'
        async with relaying(folder, url, listen=listen) as relay:
            assert await status(relay, OLD) == 101
            csms.right = {NEW}
            assert await status(relay, NEW) == 101
            assert await status(relay, NEW) == 101
            assert csms.asked == 4, "the gateway's was tried once more, and not again"
            assert await status(relay, NEW) == 101
            assert csms.asked == 5
            relay.ports.reverse()
            assert await status(relay, NEW) == 101, "so it is where nothing is checked here"
            csms.right = {b"the gateway's"}
            assert await status(relay, NEW) == 101, "and back"
