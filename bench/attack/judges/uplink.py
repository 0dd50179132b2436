"""This file judges what gateway, broker and center have shown; it guards that nothing seen is no proof."""

import statistics

from bench.attack.expect import Court, judge

_PAUSE_S_MAX, _DEAD_S = 2.0, 5.0
_SLACK_S = 2.0
_JITTER_S_MIN = 0.05


@judge("backoff", "capped, jittered")
def backoff(court: Court) -> str:
    """Pauses between attempts end at the cap of the settings, and are not all alike."""
    pauses: dict[str, list[float]] = court.proof.measures.get("pauses", {})
    wrong = []
    for name, most in (("mute", _DEAD_S + _PAUSE_S_MAX), ("refused", _PAUSE_S_MAX)):
        seen = pauses.get(name, [])
        if len(seen) < 2:
            wrong.append(f"{name}: only {len(seen)} pauses seen")
        elif max(seen) > most + _SLACK_S:
            wrong.append(f"{name}: a pause of {max(seen):.1f} s, the cap is {most:g} s")
    refused = pauses.get("refused", [])
    if len(refused) > 1 and statistics.pstdev(refused) < _JITTER_S_MIN:
        wrong.append(f"pauses are alike: {refused}")
    if refused and min(refused) < _PAUSE_S_MAX / 4:
        wrong.append(f"a pause of {min(refused):.2f} s only")
    return "; ".join(wrong)


@judge("relay_unaffected")
def relay_unaffected(court: Court) -> str:
    """The relay's process is the same and its chargers have not noticed."""
    broken = court.proof.measures.get("watch", {}).get("broken", [])
    if not court.ground.relay.is_alive:
        return "the relay is gone"
    return "; ".join(broken[:3])


@judge("client_cert_private_use", "only with verified server")
def client_cert_private_use(court: Court) -> str:
    """Who could not prove to be the center has got neither certificate nor a byte."""
    return "; ".join(court.proof.measures.get("unproven_got", ["nobody else was met"]))


@judge("policy", "drop lowest class oldest-first with explicit gap record; reserve for alarms+audit")
@judge("poison", "chunked or quarantined with gap record")
@judge("fsync_failure", "treated as lost, file re-opened, never retried blindly")
@judge("ingest", "identity from certificate/topic only; mismatch quarantined")
@judge("unknown_fields", "kept or ignored, never crash")
@judge("rule", "client id == CN enforced")
@judge("connect", "refused")
def as_the_step_found(court: Court) -> str:
    """What the step has said, "" for nothing wrong."""
    return str(court.measured())


@judge("key", "(gateway, boot_id, stream, seq)")
def key(court: Court) -> str:
    """No two rows of the center have one key."""
    if court.ground.uplink is None:
        return "the target has no Channel B"
    copies = court.ground.uplink.stored().copies
    return f"{copies} rows twice" if copies else ""
