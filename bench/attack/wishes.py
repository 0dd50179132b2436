"""This file says which target a case needs; it guards that the default is the one most cases run against."""

from bench.attack.cases import Case
from bench.attack.ground import Wish

NAME = "csms.test"
"""A name that only the harness's own hosts file knows."""


def wish_of(case: Case) -> Wish:
    """Give what a case wants to be different, by what its steps do."""
    steps = {key for item in case.do for key in item}
    if "dns" in steps:
        return Wish(secure_csms=True, csms_host=NAME, hosts=True)
    many = {"msg_hz": 100_000, "msg_burst": 1_000_000}
    return Wish(
        deflate="ws.deflate" in steps,
        tls=case.family == "TL" or bool(steps & {"mtls.connect", "tls.connect"}) or "profile" in str(case.do),
        csms_receive_bytes=65_536 if "fault.zero_window" in steps else 0,
        chaos="chaos_proxy" in steps,
        verify=case.family == "ID" or "replay" in steps,
        limits=many if "run" in steps else {},
        warm=max([64, *(int(item["ocpp.connect"].get("n", 1)) for item in case.do if "ocpp.connect" in item)]),
        echo="run" in steps and case.family == "WS",
    )
