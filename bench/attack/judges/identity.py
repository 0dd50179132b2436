"""This file judges who was taken for whom; it guards that an identity means the same at every hop."""

import re
from collections import Counter
from urllib.parse import unquote

from bench.attack.csms import fields_of
from bench.attack.derivation import derivation_cpu_s
from bench.attack.drivers.certificates import POLICY
from bench.attack.expect import Court, judge
from bench.attack.fill import UnknownError
from bench.attack.judges.handshake import is_legit

_SWITCHING = 101
_EVALUATED, _THROTTLED, _UNKNOWN = 401, 429, 404
_UNREST = 1.5
"""A derivation takes so much longer on a busy machine than in the moment in which its cost was measured."""
_PLACES = {"auth", "db", "northbound path", "topic", "file name"}
"""Where an identity shows: the CSMS's path and credential, and what the tap tells, from which the rest is made."""
_IDENTITY = re.compile(r"[A-Za-z0-9*\-_=:+|@.]{1,48}")


@judge("decode", "exactly once, then regex ^[A-Za-z0-9*\\-_=:+|@.]{1,48}$ on the decoded id")
def decoded_once(court: Court) -> str:
    """Only a spelling that decodes once to a valid identity may get an answer other than 400 and 404."""
    wrong = []
    for answer in court.proof.answers:
        spelling = re.search(r"i='(.*)'", answer.label)
        valid = bool(spelling and _IDENTITY.fullmatch(unquote(spelling[1], errors="replace")))
        if not valid and answer.status not in {400, 404}:
            wrong.append(f"{answer.label}: {answer.status}")
    return "; ".join(wrong)


@judge("same_id_to")
def same_id(court: Court) -> str:
    """The identity in the northbound path, in the credential and in what the tap tells is one and the same."""
    strange = set(map(str, court.value)) - _PLACES
    if strange:
        raise UnknownError(f"expectation same_id_to: {', '.join(sorted(strange))}")
    wrong = []
    for session in court.ground.csms.sessions:
        path = unquote(session.head.split(b" ")[1].decode("latin-1")).rpartition("/")[2]
        if path != session.charger:
            wrong.append(f"{path} is {session.charger}")
    strange = {event["charger"] for event in court.ground.told.events} - {s.charger for s in court.ground.csms.sessions}
    return "; ".join(wrong + [f"the tap told of {sorted(strange)}"] * bool(strange))


@judge("maps_to_existing_id", "False")
def maps_to_existing(court: Court) -> str:
    """No lookalike reached the CSMS under a known name."""
    found = [head[:60] for head in court.ground.csms.heads if not is_legit(court, head)]
    return f"{found[0]!r} reached the CSMS" if found else ""


@judge("original_connection", "untouched")
def original_untouched(court: Court) -> str:
    """The charger's connection lives."""
    charger = court.ground.chargers.get("CP1")
    return "" if charger is not None and charger.is_connected else "it ended"


@judge("northbound_reconnects")
def northbound_reconnects(court: Court) -> str:
    """The CSMS saw one connection of this charger's."""
    again = len(court.ground.csms.of("CP1")) - 1
    return "" if again == court.value else f"{again} more connections"


@judge("attempts_evaluated_max")
def attempts_evaluated(court: Court) -> str:
    """Few of many guesses at any identity, and from one address, were looked at; the rest were turned away unread."""
    counts = Counter(answer.charger for answer in court.proof.answers if answer.status == _EVALUATED)
    most = court.value * (int(court.proof.seconds // 60) + 1)
    reached = sum(not is_legit(court, head) for head in court.ground.csms.heads)
    derived = _derivations(court)
    if not court.proof.answers:
        return "nobody guessed"
    fine = counts.total() <= most and reached == 0 and derived <= most * _UNREST + 1
    return "" if fine else f"{counts.most_common(2)} evaluated, {derived:.1f} derived, {reached} reached the CSMS"


def _derivations(court: Court) -> float:
    """Give how many keys were derived for guesses, by the time that the relay's other threads have worked."""
    let_in = len({session.charger for session in court.ground.csms.sessions})
    spent_s = float(court.proof.measures["worker_cpu_s"])
    return max(0.0, spent_s / derivation_cpu_s() - let_in)


@judge("delay", "exponential per (peer ip) and per (id, ip)")
def throttled(court: Court) -> str:
    """Most attempts were turned away without a look at the password: 429, or 404 for who is not on the list."""
    turned = [answer for answer in court.proof.answers if answer.status in {_THROTTLED, _UNKNOWN}]
    some = any(answer.status == _THROTTLED for answer in turned)
    fine = some and len(turned) > len(court.proof.answers) * 0.9
    return "" if fine else f"{len(turned)} of {len(court.proof.answers)} turned away"


@judge("loop_lag_p99_ms_max")
def loop_lag(court: Court) -> str:
    """The event loop never hung."""
    lag = court.proof.measures["watch"]["lag_p99_ms"]
    return "" if lag <= court.value else f"p99 {lag:.0f} ms"


@judge("kdf_calls_per_s_max")
def kdf_calls(court: Court) -> str:
    """Few guesses a second cost a key derivation."""
    evaluated = sum(answer.status == _EVALUATED for answer in court.proof.answers)
    rate = max(evaluated, _derivations(court) / _UNREST) / max(court.proof.seconds, 1)
    return "" if rate <= court.value else f"{rate:.1f} a second"


@judge("rate_limit_runs", "before the KDF")
def limit_first(court: Court) -> str:
    """Most guesses were turned away without being looked at."""
    return throttled(court)


@judge("second", "refused before any northbound socket")
def second_refused(court: Court) -> str:
    """The certificate of one charger opens no other's path."""
    if len(court.proof.answers) < 2:
        return "no second attempt"
    first, second = court.proof.answers[0], court.proof.answers[1]
    wrong = [] if first.status == _SWITCHING else [f"the right one got {first.status}"]
    wrong += [f"the wrong one got {second.status}"] if second.status == _SWITCHING else []
    paths = [fields_of(head) and head.split(b" ")[1] for head in court.ground.csms.heads]
    return "; ".join(wrong + ["the CSMS was asked"] * any(b"SN-B" in path for path in paths))


@judge("refused", "True")
def refused(court: Court) -> str:
    """Nobody was let in."""
    if not court.proof.answers:
        return "nobody tried"
    return "; ".join(f"{answer.label}: let in" for answer in court.proof.answers if answer.status == _SWITCHING)


@judge("refused_except", "['policy-documented']")
def refused_except(court: Court) -> str:
    """Nobody was let in, but for what is the CA's policy and not the relay's: how it numbers and for how long."""
    taken = [answer for answer in court.proof.answers if answer.status == _SWITCHING]
    return "; ".join(f"{a.label}: let in" for a in taken if not any(name in a.label for name in POLICY))


@judge("http_bytes_read", "0")
def http_bytes_read(court: Court) -> str:
    """No HTTP answer was given, so nothing of the request was looked at."""
    heard = [answer.label for answer in court.proof.answers if answer.raw]
    return f"HTTP was answered: {heard[:3]}" if heard else ""


@judge("lower_only_by", "local admin action, audited")
def lower_only_by(court: Court) -> str:
    """After all attempts the kept profile is the same; only a command on the box lowers it."""
    kept = court.ground.folder / "state" / "CP3"
    return "" if kept.exists() and kept.read_text(encoding="ascii").strip() == "3" else "it was lowered"
