"""This file judges what passed the splice; it guards that a message arrives whole or not at all."""

from bench.attack.drivers.ws_raw import delivered
from bench.attack.expect import Court, judge
from bench.attack.proof import Shot

_CLOSES = {None, 1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1011}


def _over(court: Court, shot: Shot) -> bool:
    return len(shot.message) > court.ground.lim["max_message"]


@judge("close")
def close(court: Court) -> str:
    """Every hostile socket was closed with this code."""
    wrong = [f"{shot.label}: closed with {shot.code}" for shot in court.proof.shots if shot.code != court.value]
    return "; ".join(wrong)


@judge("forwarded", "False")
def not_forwarded(court: Court) -> str:
    """Nothing hostile reached the CSMS's application."""
    return "; ".join(f"{shot.label} arrived" for shot in court.proof.shots if delivered(court.ground, shot))


@judge("forwarded", "True", "byte-identical")
def forwarded(court: Court) -> str:
    """Everything reached the CSMS's application as it was sent."""
    return "; ".join(f"{shot.label} did not arrive" for shot in court.proof.shots if not _arrived(court, shot))


def _arrived(court: Court, shot: Shot) -> bool:
    return shot.message in delivered(court.ground, shot)


@judge("bad", "close 1007, not forwarded")
def bad_utf8(court: Court) -> str:
    """Text that is no UTF-8 never becomes a message of the CSMS's, and the charger is told 1007."""
    shots = [shot for shot in court.proof.shots if "fragments" not in shot.names]
    wrong = [f"{shot.label}: closed with {shot.code}" for shot in shots if shot.code != 1007]
    return "; ".join(wrong + [f"{shot.label}: arrived" for shot in shots if delivered(court.ground, shot)])


@judge("split_valid", "forwarded byte-identical")
def split_valid(court: Court) -> str:
    """A character cut by a fragment is no fault."""
    shots = [shot for shot in court.proof.shots if "fragments" in shot.names]
    return "; ".join(f"{shot.label}: closed with {shot.code}" for shot in shots if not _arrived(court, shot))


@judge("max", "forwarded whole")
@judge("0", "forwarded whole")
def at_the_limit(court: Court) -> str:
    """A message of exactly the limit passes."""
    shots = [shot for shot in court.proof.shots if not _over(court, shot)]
    wrong = [f"{shot.label}: closed with {shot.code}" for shot in shots if not _arrived(court, shot)]
    return "; ".join(wrong) if shots else "no message of that size was sent"


@judge("over", "close 1009 both sides, nothing forwarded")
@judge("other", "close 1009")
def over_the_limit(court: Court) -> str:
    """A longer message is refused with 1009 at both ends and never delivered."""
    wrong = []
    for shot in court.proof.shots:
        if not _over(court, shot):
            continue
        session = court.ground.csms.by_key(shot.charger.key)
        north = session.link.closed_with if session else None
        if shot.code != 1009:
            wrong.append(f"{shot.label}: the charger got {shot.code}")
        if "both sides" in str(court.value) and north != 1009:
            wrong.append(f"{shot.label}: the CSMS got {north}")
        if delivered(court.ground, shot):
            wrong.append(f"{shot.label}: something was delivered")
    return "; ".join(wrong)


@judge("never", "truncated", "delivered length == max when sent > max")
def never_truncated(court: Court) -> str:
    """What arrives is what was sent."""
    return "; ".join(
        f"{shot.label}: {len(message)} of {len(shot.message)} bytes arrived"
        for shot in court.proof.shots
        for message in delivered(court.ground, shot)
        if message != shot.message
    )


@judge("northbound_code", "mapped to 1000/1001/1008/1011, never invalid")
def northbound_code(court: Court) -> str:
    """The CSMS's library never has to see a code that RFC 6455 forbids on the wire, except what the charger wrote.

    The relay passes a Close frame on as it came; a strict CSMS answers an odd one with 1002 or 1007. What counts is
    that the relay itself adds no invalid code, and that the charger ends with a valid one.
    """
    wrong = [f"{shot.label}: the charger got {shot.code}" for shot in court.proof.shots if shot.code not in _CLOSES]
    for shot in court.proof.shots:
        session = court.ground.csms.by_key(shot.charger.key)
        if session and session.link.closed_with not in _CLOSES:
            wrong.append(f"{shot.label}: the CSMS got {session.link.closed_with}")
    return "; ".join(wrong)


@judge("closed_within_s")
def closed_within_s(court: Court) -> str:
    """Every hostile socket was closed in time."""
    measured = court.proof.measures.get("closed_within_s")
    if measured is not None:
        slack = 1.0
        return "" if measured <= court.value + slack else f"closed after {measured:.1f} s, expected {court.value:g} s"
    late = [s for s in court.proof.shots if s.closed_s is None or s.closed_s > court.value + 0.5]
    if not court.proof.shots:
        return "nothing was sent"
    return "; ".join(f"{shot.label}: {shot.closed_s and round(shot.closed_s, 1)} s" for shot in late)
