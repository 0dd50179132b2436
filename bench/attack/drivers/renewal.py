"""This file renews and spoils certificates and lists under living connections; it guards that those live on."""

import asyncio
import datetime as dt
import shutil
import ssl
import time

from bench.attack.charger import Charger, Door
from bench.attack.drivers.certificates import certificate
from bench.attack.drivers.tls_probe import knock, reload
from bench.attack.fill import UnknownError
from bench.attack.ground import Ground
from bench.attack.pki import Leaf
from bench.attack.steps import Turn, step
from cryptography.x509.oid import ExtendedKeyUsageOID

_SWITCHING = 101
_BIG = 50 << 20
_RSS_KB_MAX = 300_000


@step("bystanders")
async def bystanders(turn: Turn) -> None:
    """Connect more well-behaved chargers, over TLS."""
    number = turn.fewer(int(turn.arg()), 20)
    door = turn.ground.door("wss")
    chargers = [await turn.ground.connect(turn.ground.fresh_identity(), door=door) for _ in range(number)]
    if any(charger.link is None for charger in chargers):
        raise RuntimeError("a bystander was not let in")
    turn.proof.measures["crowd"] = chargers


@step("cert.swap")
async def cert_swap(turn: Turn) -> None:
    """Renew the server's certificate, while chargers are connected."""
    args = turn.args()
    turn.only(args, "server")
    ground = turn.ground
    leaf = Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH)
    fresh = ground.pki.issue("renewed", "127.0.0.1", leaf, hosts=("127.0.0.1", "localhost"))
    shutil.copy(fresh.key, ground.pki.ecdsa.key)
    shutil.copy(fresh.certificate, ground.pki.ecdsa.certificate)
    await reload(ground)
    wanted = ssl.PEM_cert_to_DER_cert(fresh.certificate.read_text(encoding="ascii"))
    turn.proof.measures["new_handshakes_use"] = await _shown(ground) == wanted or "the old certificate is shown"
    await _note_dropped(turn)


@step("clock.jump")
async def clock_jump(turn: Turn) -> None:
    """Let the server's certificate expire under living connections.

    The clock of this machine is not the harness's to set; a certificate that ends in a moment shows the same.
    """
    args = turn.args()
    turn.only(args, "days")
    turn.proof.notes.append("in place of a clock jump: a certificate that expires while chargers are connected")
    ground = turn.ground
    leaf = Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH, ends=dt.timedelta(seconds=6))
    brief = ground.pki.issue("brief", "127.0.0.1", leaf, hosts=("127.0.0.1", "localhost"))
    shutil.copy(brief.key, ground.pki.ecdsa.key)
    shutil.copy(brief.certificate, ground.pki.ecdsa.certificate)
    await reload(ground)
    crowd: list[Charger] = turn.proof.measures["crowd"]
    crowd.append(await ground.connect(ground.fresh_identity(), door=ground.door("wss")))
    if crowd[-1].link is None:
        raise RuntimeError("nobody was let in under the brief certificate")
    await asyncio.sleep(7)
    await _note_dropped(turn)


async def _note_dropped(turn: Turn) -> None:
    crowd: list[Charger] = turn.proof.measures["crowd"]
    await asyncio.gather(*(charger.call("Heartbeat", {}) for charger in crowd if charger.is_connected))
    turn.proof.measures["dropped_sessions"] = sum(not charger.is_connected for charger in crowd)


async def _shown(ground: Ground) -> bytes | None:
    """Give the ECDSA certificate that a new handshake is shown."""
    context = ground.pki.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    _, writer = await asyncio.open_connection(
        "127.0.0.1", ground.ports["wss"], ssl=context, server_hostname="127.0.0.1"
    )
    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return shown


@step("crl.serve")
async def crl_serve(turn: Turn) -> None:
    """Spoil the revocation list in one way, and see who is let in and who stays."""
    ground, kind = turn.ground, str(turn.arg())
    good = certificate(ground.pki, "SN-0001", "SN-0001")
    ground.pki.list.write_bytes(ground.pki.crl())
    await reload(ground)
    kept = turn.proof.measures.get("kept")
    if kept is None:
        kept = await ground.connect("SN-1", door=Door(ground.ports["mtls"], context=_for(ground, "SN-1")))
        turn.proof.measures.update(kept=kept, policy=True, size_cap=True)
        if (await knock(turn, "SN-0001", good, ssl.TLSVersion.TLSv1_3, legit=True)).status != _SWITCHING:
            raise RuntimeError("with a good list a good certificate is not let in")
    lists = {
        "unreachable": None,
        "stale_8d": ground.pki.crl(age_days=8),
        "50MB": ground.pki.crl() + b"\n" + b"#" * _BIG,
        "bad_sig": ground.pki.crl(forged=True),
    }
    if kind not in lists:
        raise UnknownError(f"crl.serve {kind}")
    content = lists[kind]
    if content is None:
        ground.pki.list.unlink()
    else:
        ground.pki.list.write_bytes(content)
    began = time.monotonic()
    await reload(ground)
    answer = await knock(turn, "SN-0001", good, ssl.TLSVersion.TLSv1_3, legit=True)
    measures = turn.proof.measures
    if not kept.is_connected:
        measures["policy"] = f"{kind}: a live session ended"
    elif kind == "stale_8d" and answer.status == _SWITCHING:
        measures["policy"] = f"{kind}: somebody new was let in"
    if ground.relay.use().rss_kb > _RSS_KB_MAX or time.monotonic() - began > 8:
        measures["size_cap"] = f"{kind}: {ground.relay.use().rss_kb} kB, {time.monotonic() - began:.1f} s"
    turn.proof.notes.append(f"{kind}: a good charger was {'let in' if answer.status == _SWITCHING else 'kept out'}")


def _for(ground: Ground, identity: str) -> ssl.SSLContext:
    return ground.pki.trusting(certificate(ground.pki, identity, identity))
