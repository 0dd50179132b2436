"""This file attacks TLS; it guards that a refusal is seen in what the server answers, not in what a client thinks.

In TLS 1.3 a client has finished before the server has judged its certificate: only an HTTP answer proves that somebody
was let in.
"""

import asyncio
import contextlib
import signal
import ssl
import time
from typing import Any

from bench.attack.charger import Charger, Door, new_key, upgrade
from bench.attack.drivers.certificates import POLICY, certificate
from bench.attack.drivers.hello import SUITES, TLS12, offer
from bench.attack.fill import UnknownError
from bench.attack.ground import Ground
from bench.attack.pki import Paths
from bench.attack.proof import Answer
from bench.attack.steps import Turn, step

_SWITCHING = 101
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


async def reload(ground: Ground) -> None:
    """Tell the relay to read its files again, and give it a moment."""
    ground.relay.send(signal.SIGHUP)
    await asyncio.sleep(1)
    if not ground.relay.is_alive:
        raise RuntimeError("SIGHUP ended the relay")


@step("mtls.connect")
async def mtls_connect(turn: Turn) -> None:
    """Connect with a client certificate, once for each TLS version asked for."""
    args = turn.args()
    turn.only(args, "cert", "path", "keep", "tls")
    kind = str(args["cert"])
    path = str(args.get("path") or (kind if kind.startswith("SN-") else "SN-1"))
    paths = certificate(turn.ground.pki, kind, path)
    turn.ground.pki.list.write_bytes(turn.ground.pki.crl())
    await reload(turn.ground)
    if args.get("keep"):
        await _keep(turn, path, paths)
        return
    if "control" not in turn.proof.measures:
        await _control(turn)
    legit = kind == path or kind in POLICY
    for version in args.get("tls", ["1.3"]):
        if str(version) not in _VERSIONS:
            raise UnknownError(f"TLS {version}")
        turn.proof.answers.append(await knock(turn, path, paths, _VERSIONS[str(version)], legit=legit))


async def _control(turn: Turn) -> None:
    """See that a good certificate is let in: otherwise every refusal would prove nothing."""
    good = certificate(turn.ground.pki, "SN-0001", "SN-0001")
    answer = await knock(turn, "SN-0001", good, ssl.TLSVersion.TLSv1_3, legit=True)
    if answer.status != _SWITCHING:
        raise RuntimeError(f"a good certificate is not let in: {answer.status}")
    turn.proof.measures["control"] = True


async def knock(turn: Turn, path: str, paths: Paths | None, version: ssl.TLSVersion, *, legit: bool = False) -> Answer:
    """Shake hands, ask for the upgrade, read the answer."""
    ground = turn.ground
    context = ground.pki.trusting(paths)
    context.minimum_version = context.maximum_version = version
    answer, key = Answer(f"{turn.label} {version.name}"), new_key()
    if legit:
        ground.legit.add(key)
    try:
        async with asyncio.timeout(6):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", ground.ports["mtls"], ssl=context, server_hostname="127.0.0.1"
            )
            writer.write(upgrade(f"/ocpp/{path}", key, ground.credentials(path, "good")))
            answer.raw = await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
    except (OSError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError):
        answer.closed_s = 0.0
    words = answer.raw.split(b" ")
    answer.status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None
    return answer


async def _keep(turn: Turn, path: str, paths: Paths | None) -> None:
    context = turn.ground.pki.trusting(paths)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    charger = await turn.ground.connect(path, door=Door(turn.ground.ports["mtls"], context=context))
    if charger.link is None:
        raise RuntimeError(f"{path} got {charger.status}")
    tls = charger.link.writer.get_extra_info("ssl_object")
    turn.proof.measures.update(kept=charger, ticket=tls.session if tls else None, context=context, paths=paths)


@step("crl.add")
async def crl_add(turn: Turn) -> None:
    """Revoke the certificate that is connected."""
    turn.ground.pki.revoke(turn.proof.measures["paths"])
    turn.ground.pki.list.write_bytes(turn.ground.pki.crl())


@step("reload")
async def reload_step(turn: Turn) -> None:
    """Read the list again and see whether the live session ends."""
    began = time.monotonic()
    await reload(turn.ground)
    kept: Charger = turn.proof.measures["kept"]
    if kept.link is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kept.link.ended.wait(), turn.shorter(62, 10))
        lives = not kept.link.ended.is_set()
        turn.proof.measures["live_session_closed_within_s"] = (
            "the session of a revoked certificate lives on" if lives else time.monotonic() - began
        )


@step("mtls.resume")
async def resume(turn: Turn) -> None:
    """Come back with the old session's ticket."""
    context: ssl.SSLContext = turn.proof.measures["context"]
    port, ticket = turn.ground.ports["mtls"], turn.proof.measures["ticket"]

    def attempt() -> bool:
        import socket  # noqa: PLC0415 - a blocking client is the only one that takes a session

        try:
            with (
                socket.create_connection(("127.0.0.1", port), 5) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1", session=ticket) as secure,
            ):
                secure.sendall(upgrade("/ocpp/SN-1", new_key()))
                return b" 101 " not in secure.recv(64)
        except (OSError, ssl.SSLError):
            return True

    turn.proof.measures["resume_refused"] = await asyncio.to_thread(attempt)


@step("tls.connect")
async def tls_connect(turn: Turn) -> None:
    """Offer one TLS 1.2 suite, then connect with it for good and exchange a message."""
    args = turn.args()
    turn.only(args, "cipher")
    number = {name: code for code, name in SUITES.items()}.get(args["cipher"])
    if number is None:
        raise UnknownError(f"cipher {args['cipher']}")
    chosen = await offer(turn.ground.ports["wss"], TLS12, (number,))
    context = turn.ground.pki.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{args['cipher']}:@SECLEVEL=0")
    charger = await turn.ground.connect(
        turn.ground.fresh_identity(), door=Door(turn.ground.ports["wss"], context=context)
    )
    fine = chosen.suite == number and charger.link is not None
    if charger.link is not None:
        await charger.call("Heartbeat", {})
    before = turn.proof.measures.get("both_ok", True)
    turn.proof.measures["both_ok"] = before if fine else f"{args['cipher']}: {chosen}, status {charger.status}"


async def connect_with_profile(turn: Turn, profile: int) -> None:
    """Connect CP3 by one of OCPP's security profiles."""
    ground, identity = turn.ground, str(turn.args()["cp"])
    doors: dict[int, tuple[Door, str]] = {
        3: (
            Door(ground.ports["mtls"], context=ground.pki.trusting(certificate(ground.pki, identity, identity))),
            "good",
        ),
        2: (ground.door("wss"), "good"),
        1: (ground.door("ws"), "good"),
        0: (ground.door("ws"), "none"),
    }
    door, auth = doors[profile]
    charger = await ground.connect(identity, door=door, legit=profile == 3, auth=auth)
    if profile == 3:
        if charger.status != _SWITCHING:
            raise RuntimeError(f"profile 3 got {charger.status}")
        kept = ground.folder / "state" / identity
        await asyncio.sleep(0.5)
        turn.proof.measures["stored_min_profile"] = int(kept.read_text(encoding="ascii")) if kept.exists() else 0
        return
    turn.proof.answers.append(Answer(f"profile {profile}", charger.status or None, 0.0, charger.head))


@step("impersonate")
async def impersonate(turn: Turn) -> None:
    """Use a gateway's client certificate for what it is not for."""
    args = turn.args()
    turn.only(args, "cert", "as_server_for", "northbound_path")
    ground = turn.ground
    stolen = ground.pki.issue("gw-01", "gw-01")
    if "as_server_for" in args:
        turn.proof.measures["charger_sim_refuses"] = await _serve_with(ground, stolen)
        return
    answer = await knock(turn, "SN-0001", stolen, ssl.TLSVersion.TLSv1_3)
    turn.proof.answers.append(answer)
    turn.proof.measures["csms_sim_refuses"] = answer.status != _SWITCHING


async def _serve_with(ground: Ground, stolen: Paths) -> Any:  # noqa: ANN401 - a truth or a sentence
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*stolen)
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        charger = Charger("SN-0001")
        await charger.connect(Door(port, context=ground.pki.trusting()))
        return charger.status == 0
