"""This file says which target a case needs; it guards that the default is the one most cases run against."""

from bench.attack.cases import Case
from bench.attack.ground import Wish

NAME = "csms.test"
"""A name that only the harness's own hosts file knows."""

_TLS = {"mtls.connect", "tls.connect", "mtls.resume", "cert.swap", "crl.serve", "crl.add", "impersonate", "bystanders"}
_VERIFIED = {"replay", "sample", "flap"}
_CHANNEL_B = {
    "broker.stop", "broker.start", "broker.flap", "broker.mute", "broker.conf", "mount_tmpfs", "fill", "free", "fiu",
    "powercut", "deliver", "enqueue", "center.present", "publish", "mqtt.connect", "subscribe", "revoke",
}  # fmt: skip
_GUESSES = ("'authorization':", "'auth': 'bad'", "'auth': 'dict'", "'auth': 'none", "'auth_key':", "new_hex")
"""What tells that a case is about passwords."""


def wish_of(case: Case) -> Wish:
    """Give what a case wants to be different, by what its steps do."""
    steps = {key for item in case.do for key in item}
    if "dns" in steps:
        return Wish(secure_csms=True, csms_host=NAME, hosts=True)
    said = str(case.do)
    many = {"msg_hz": 100_000, "msg_burst": 1_000_000}
    needs_b = bool(steps & _CHANNEL_B) or "NOLOSS_H" in case.observe or "schema_versions" in said
    both = "center.present" in steps
    return Wish(
        links=("mqtt", "https") if both else ("mqtt",) if needs_b else (),
        outbox="age_max_s = 60\n" if "broker.conf" in steps else "",
        deflate="ws.deflate" in steps,
        tls=case.family == "TL" or bool(steps & _TLS) or "'profile':" in said or "sslyze" in said or "testssl" in said,
        csms_receive_bytes=65_536 if "fault.zero_window" in steps else 0,
        chaos="chaos_proxy" in steps,
        verify=case.family == "ID" or bool(steps & _VERIFIED) or any(word in said for word in _GUESSES),
        learns="new_hex" in said,
        limits=many if "run" in steps else {},
        warm=max([64, *(int(item["ocpp.connect"].get("n", 1)) for item in case.do if "ocpp.connect" in item)]),
        echo="wstest" in said,
    )
