"""This file judges what became of the business; it guards that no transaction pays for an attack."""

import re

from bench.attack.drivers.ws_raw import delivered
from bench.attack.expect import Court, judge
from bench.attack.fill import UnknownError

_HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]|\\u00[01]")
_ALSO = {"IdentityContention": ("duplicate-identity", "duplicate"), "DuplicateIdentity": ("duplicate",)}
"""What the product calls an alarm that the cases call otherwise."""
_SLACK_S = 7.0
"""A full buffer is first looked at when it has been full for a while, and the ends take `close_s`."""


@judge("all", "EACCES/EPERM")
@judge("wrong_ip", "TLS name check refuses")
@judge("reconnect", "backoff with jitter, RetryBackOff semantics")
@judge("new_handshakes_use", "new cert")
@judge("policy", "fresh<=7d grace then refuse new; live sessions kept")
@judge("raises", "HeaderRejected")
@judge("accepted", "new works; old refused after first success with new")
@judge("rejected", "old works")
@judge("timeout_or_crash", "both work until one is seen, then only that one")
@judge("allow_non_strict", "True")
@judge("after_restore", "charger's queued messages arrive once, in order")
@judge("after_reconnect", "charger resend reaches CSMS once per send")
@judge("late_reply", "forwarded on no session or on its own only")
@judge("broken_config", "kept old, alarm")
@judge("double_start", "second exits non-zero")
def as_measured(court: Court) -> str:
    """The driver has seen it; where it was not so it says what was wrong."""
    found = court.measured()
    return "" if found is True else str(found)


@judge("known")
def known(court: Court) -> str:
    """The driver has left these out of what failed."""
    return "" if court.measured() is True and isinstance(court.value, list) else "nothing was left out"


@judge("accepted", "[]")
@judge("tls12_exactly")
def as_listed(court: Court) -> str:
    """The driver has seen just these."""
    found = court.measured()
    return "" if isinstance(found, list) and sorted(found) == sorted(court.value) else str(found)


@judge("gateway_originated_callresults")
def gateway_originated(court: Court) -> str:
    """No charger got a message that the CSMS did not send."""
    known = {one for session in court.ground.csms.sessions for one in session.link.sent}
    got = {one for charger in court.ground.living if charger.link for one in charger.link.received}
    return (
        "" if len(got - known) == court.value else f"{len(got - known)} messages nobody but the gateway can have sent"
    )


@judge("ping_timeout_policy")
def ping_timeout_policy(court: Court) -> str:
    """No connection ended on a slow network while it was shorter than the time after which a peer counts as dead."""
    wanted = f"no false disconnect below {court.ground.lim['nb_detect_s']}"
    if court.value != wanted:
        raise UnknownError(f"expectation ping_timeout_policy: {court.value!r}")
    return as_measured(court)


@judge("relay", "forwards bytes unchanged")
def unchanged(court: Court) -> str:
    """Every message of the chargers' that are connected reached the CSMS as it was sent."""
    wrong, seen = [], 0
    for charger in court.ground.living:
        session = court.ground.csms.by_key(charger.key)
        if charger.link is None or session is None or not charger.link.sent:
            continue
        seen += 1
        same = charger.link.sent[: len(session.link.received)] == session.link.received
        whole = len(charger.link.sent) == len(session.link.received) or charger.link.ended.is_set()
        wrong += [] if same and whole else [charger.identity]
    return f"not so for {wrong[:3]}" if wrong else ("" if seen else "nothing was sent")


@judge("per_session_buffer_max")
def per_session_buffer_max(court: Court) -> str:
    """The relay's memory grows by the buffer of one direction and what the allocator rounds up to, no more."""
    grown = court.proof.measures["per_session_buffer_max"]
    return "" if grown <= 2 * court.value else f"memory grew by {grown} bytes"


@judge("backpressure", "TCP, other sessions unaffected")
def backpressure(court: Court) -> str:
    """The others went on; BYSTANDER says how well."""
    return "; ".join(court.proof.measures["watch"]["broken"])


@judge("closed_after_s")
def closed_after_s(court: Court) -> str:
    """The sender was ended when its reader had not moved for so long."""
    took = court.proof.measures["closed_after_s"]
    return "" if court.value - 1 <= took <= court.value + _SLACK_S else f"closed after {took:.1f} s"


@judge("alarm")
def alarm(court: Court) -> str:
    """Somebody who watches is told, by the relay's log, the tap's log or an event of the tap's."""
    return _alarm(court, str(court.value))


@judge("tap", "MeterRegress alarm")
@judge("tap", "ForeignTransaction alarm; CP1 session state unchanged (keyed by (cp, tx))")
@judge("stolen", "DuplicateIdentity or AttemptedReplay alarm (timestamp/meter regress)")
def named_alarm(court: Court) -> str:
    """As `alarm`, the name at the front of a sentence."""
    names = re.findall(r"[A-Z][a-z]+[A-Z][A-Za-z]+", str(court.value))
    wrong = [_alarm(court, name) for name in names]
    return "" if "" in wrong else "; ".join(wrong)


def _alarm(court: Court, name: str) -> str:
    words = [word.lower() for word in re.findall(r"[A-Z][a-z]+", name)]
    names = {"-".join(words), name, *_ALSO.get(name, ())}
    text = court.ground.relay.text() + court.ground.tap.text() + court.ground.told.text
    told = any(f"type={each}" in line or f'"{each}"' in line for line in text.splitlines() for each in names)
    return "" if told else f"no {'-'.join(words)} told by relay or tap"


@judge("none", "refused")
def none_refused(court: Court) -> str:
    """Without credentials nobody gets in."""
    found = court.proof.measures.get("none", "nobody tried")
    return "" if found is True else str(found)


@judge("redacted", "True")
def redacted(court: Court) -> str:
    """No secret of a CALL is in a log or an event."""
    text = court.ground.relay.text() + court.ground.tap.text() + court.ground.told.text
    found = [word for word in ("canary", "63616e617279") if word in text]
    return f"{found} was told" if found else ""


@judge("tap", "parse error counted, relay decision by policy")
def parse_error_counted(court: Court) -> str:
    """The tap counts what it cannot read."""
    return "" if court.proof.measures["unread malformed-json"] else "nothing was counted"


@judge("crash", "False")
def crash(court: Court) -> str:
    """Neither process has met a fault of its own."""
    gone = [process.name for process in (court.ground.relay, court.ground.tap) if not process.is_alive]
    return "; ".join(gone) or ("the tap met a fault" if court.proof.measures["tap_crashes"] else "")


@judge("tap", "AmbiguousJson event; value not used for alarms or SOH")
def ambiguous(court: Court) -> str:
    """A payload that says a key twice is told as such and used for nothing."""
    told = [event for event in court.ground.told.events if event.get("reason") == "ambiguous-json"]
    used = [event for event in court.ground.told.events if event.get("type") == "transaction" and event["evse"]]
    return ("" if told else "no ambiguous-json event") or ("its value was used" if used else "")


@judge("tap", "rejected")
def rejected(court: Court) -> str:
    """The tap takes no value from what is no number; bystanders' meters are read meanwhile, as they should be."""
    asked = {shot.charger.identity for shot in court.proof.shots}
    hidden = len([shot for shot in court.proof.shots if shot.names.get("v") in {"NaN", "Infinity", "-Infinity"}])
    counted = court.proof.measures["unread malformed-json"]
    metered = [e for e in court.ground.told.events if e.get("type") == "metered" and e["charger"] in asked]
    return f"{counted:g} of {hidden} counted" if counted < hidden else ("a value was taken" if metered else "")


@judge("telemetry_contains_nonfinite", "False")
def nonfinite(court: Court) -> str:
    """No event holds NaN or an infinity."""
    return "an event does" if re.search(r"\b(NaN|Infinity|inf)\b", court.ground.told.text) else ""


@judge("stored_as", "escaped or replaced")
@judge("escaped", "True")
@judge("one_event_one_line", "True")
def escaped(court: Court) -> str:
    """What leaves the tap holds no control character, not even an escaped one, and logs are lines."""
    wrong = ["an event holds a control character"] if _HIDDEN.search(court.ground.told.text) else []
    for process in (court.ground.relay, court.ground.tap):
        loose = [line for line in process.text().splitlines() if not re.match(r"\d{4}-", line) or "forged" in line]
        wrong += [f"{process.name}: {loose[0][:60]!r}"] if loose else []
    return "; ".join(wrong)


@judge("db_error", "False")
def db_error(court: Court) -> str:
    """Every event can be written down: it is UTF-8 without lone surrogates."""
    try:
        court.ground.told.text.encode()
    except UnicodeEncodeError as error:
        return str(error)
    return ""


@judge(
    "policy",
    "relay transparently up to size limits but count InvalidMessages; never crash; never answer on behalf of CSMS",
)
def transparent(court: Court) -> str:
    """Everything passes, is counted, and nobody answers for the CSMS."""
    lost = [shot.label for shot in court.proof.shots if shot.message not in delivered(court.ground, shot)]
    wrong = [f"not passed: {lost[:3]}"] if lost else []
    wrong += [] if court.proof.measures["unread malformed-json"] else ["nothing was counted"]
    own = gateway_originated(Court(court.case, court.ground, court.proof, 0))
    return "; ".join(wrong + ([own] if own else []))


@judge("center_effect", "none")
def center_effect(court: Court) -> str:
    """Nothing of the object model's keys leaves the tap."""
    return "; ".join(word for word in ("__proto__", "admin", "constructor") if word in court.ground.told.text)
