"""This file says which target a case needs; it guards that the default is the one most cases run against."""

from bench.attack.cases import Case
from bench.attack.ground import Wish


def wish_of(case: Case) -> Wish:
    """Give what a case wants to be different, by what its steps do."""
    steps = {key for item in case.do for key in item}
    return Wish(
        deflate="ws.deflate" in steps,
        tls=case.family == "TL" or bool(steps & {"mtls.connect", "tls.connect"}) or "profile" in str(case.do),
        csms_receive_bytes=65_536 if "fault.zero_window" in steps else 0,
        chaos="chaos_proxy" in steps,
        verify=case.family == "ID" or "replay" in steps,
        echo="run" in steps and case.family == "WS",
    )
