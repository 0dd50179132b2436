"""This file judges answers to handshakes; it guards that an answer which never came counts as none."""

import math

from bench.attack.csms import fields_of
from bench.attack.expect import Court, judge

_SWITCHING = 101


@judge("status_in")
def status_in(court: Court) -> str:
    """Every answer has one of these statuses; `close` is an end without an answer."""
    wrong = []
    for answer in court.proof.answers:
        got = answer.status if answer.status is not None else ("close" if answer.closed_s is not None else "open")
        if got not in court.value:
            wrong.append(f"{answer.label}: {got}")
    if not court.proof.answers:
        return "nothing was asked"
    return "; ".join(wrong[:4]) + (f" and {len(wrong) - 4} more" if len(wrong) > 4 else "")


@judge("never", "101")
def never_switching(court: Court) -> str:
    """No answer is a 101."""
    return "; ".join(answer.label for answer in court.proof.answers if answer.status == _SWITCHING)


@judge("bytes_buffered_max")
def bytes_buffered_max(court: Court) -> str:
    """No more than so many bytes were taken before the refusal."""
    most = max(answer.sent_bytes for answer in court.proof.answers)
    return "" if most <= court.value else f"took {most} bytes before it refused"


@judge("northbound_headers_exactly")
def northbound_headers_exactly(court: Court) -> str:
    """The CSMS saw no header field but these in the handshakes that tried to smuggle some."""
    wrong, seen = [], 0
    for session in court.ground.csms.sessions:
        if session.charger not in court.ground.chargers or session.charger.startswith("HERD"):
            continue
        seen += 1
        fields = fields_of(session.head)
        strange = set(fields) - set(court.value)
        wrong += [f"{sorted(strange)} travelled north"] if strange else []
        wrong += ["Connection was passed on"] if fields.get("connection", "").lower() != "upgrade" else []
    return "; ".join(wrong) if seen else "no handshake reached the CSMS"


@judge("northbound_connections")
def northbound_connections(court: Court) -> str:
    """So many connections of the attacker's reached the CSMS."""
    heads = [head for head in court.ground.csms.heads if not is_legit(court, head)]
    return "" if len(heads) == court.value else f"{len(heads)} handshakes reached the CSMS: {heads[0][:80]!r}"


@judge("csms_raw_bytes_lack")
def csms_raw_bytes_lack(court: Court) -> str:
    """The CSMS never saw this text."""
    return f"the CSMS saw {court.value}" if any(str(court.value).encode() in h for h in court.ground.csms.heads) else ""


@judge("policy", "refuse 403 unless origin allow-listed per charger")
def foreign_origin(court: Court) -> str:
    """A browser is told 403."""
    return "; ".join(f"{answer.status}" for answer in court.proof.answers if answer.status != 403)


@judge("result", "declined or 400")
def declined(court: Court) -> str:
    """No offer of nonsense was accepted."""
    wrong = []
    for answer in court.proof.answers:
        accepted = answer.status == _SWITCHING and b"sec-websocket-extensions" in answer.raw.lower()
        if accepted or answer.status not in {_SWITCHING, 400, 431}:
            wrong.append(f"{answer.label}: {answer.status}")
    return "; ".join(wrong)


@judge("parse_ms_max")
def parse_ms_max(court: Court) -> str:
    """No request took longer to answer; each was asked more than once and the best time counts: work is never less."""
    best: dict[str, float] = {}
    for answer in court.proof.answers:
        best[answer.label] = min(answer.elapsed_s * 1000, best.get(answer.label, math.inf))
    wrong = [f"{label}: {ms:.1f} ms" for label, ms in best.items() if ms > court.value]
    return "; ".join(wrong)


@judge("www_authenticate", "True")
def www_authenticate(court: Court) -> str:
    """Every 401 says how to authenticate."""
    lacking = [a.label for a in court.proof.answers if a.status == 401 and b"www-authenticate" not in a.raw.lower()]
    return f"no challenge: {lacking[:3]}" if lacking else ""


def is_legit(court: Court, head: bytes) -> bool:
    """Tell whether a handshake at the CSMS is no attack's."""
    fields = fields_of(head)
    return fields.get("sec-websocket-key", "") in court.ground.legit or b"/BY-" in head.split(b"\r\n", 1)[0]
