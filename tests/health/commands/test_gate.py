"""This file tries to get commands through the gate; it guards that each refusal has its reason."""

import dataclasses

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolane.health.commands.gate import Gate
from isolane.health.commands.refusal import Reason, RefusedError
from isolane.health.commands.verbs.status import Status
from isolane.security.envelope import BYTES_MAX, MANIFEST, seal
from isolane.wire.command import Approval, Request, write
from support.commanded import UTC_S, World


def _reason(world: World, data: bytes) -> Reason:
    with pytest.raises(RefusedError) as caught:
        world.gate.check(data)
    return caught.value.reason


def test_what_is_right_goes_through(world: World) -> None:
    world.idle["idle:CP1"] = True
    command = world.command("charger.restart")
    admitted = world.gate.check(world.seal(command, world.people.ann, world.people.bob))
    assert (admitted.command, admitted.people) == (command, ["ann", "bob"])
    assert admitted.deadline_mono_ns == world.clock.mono_ns() + 300 * 10**9


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "gw-02"}, Reason.AUDIENCE),
        ({"aud": "gw-0"}, Reason.AUDIENCE),
        ({"verb": "exec"}, Reason.VERB),
        ({"appr": Approval(kind="R1", need=1)}, Reason.CLASS),
        ({"appr": Approval(kind="R0", need=2)}, Reason.CLASS),
        ({"req": Request(sub="bob", role="approver", ticket="", reason="")}, Reason.REQUESTER),
        ({"req": Request(sub="ann", role="root", ticket="", reason="")}, Reason.REQUESTER),
        ({"chal": ""}, Reason.CHALLENGE),
        ({"chal": "A" * 22}, Reason.CHALLENGE),
        ({"boot": "A" * 22}, Reason.BOOT),
        ({"iat": UTC_S - 301, "nbf": UTC_S - 301, "exp": UTC_S - 1}, Reason.TIME),
        ({"iat": UTC_S - 300, "nbf": UTC_S - 300, "exp": UTC_S}, Reason.TIME),
        ({"nbf": UTC_S + 60}, Reason.TIME),
        ({"iat": UTC_S + 3600, "nbf": UTC_S + 3600, "exp": UTC_S + 3700}, Reason.TIME),
        ({"exp": UTC_S + 30 * 86_400}, Reason.TIME),
        ({"exp": UTC_S + 301}, Reason.TIME),
        ({"nbf": UTC_S - 1}, Reason.TIME),
        ({"keys_ver": 2}, Reason.KEYS_VERSION),
        ({"args": {"extra": 1}}, Reason.ARGUMENTS),
        ({"args": {"a": ";id"}}, Reason.ARGUMENTS),
        ({"verb": "ledger", "args": {"epoch": "../../"}}, Reason.ARGUMENTS),
        ({"verb": "ledger", "args": {"epoch": 1.5}}, Reason.ARGUMENTS),
        ({"pre": ("idle:CP1",)}, Reason.INTERLOCK),
        ({"args": {"x": "A" * BYTES_MAX}}, Reason.SIZE),
    ],
)
def test_each_refusal_has_its_reason(world: World, changed: dict[str, object], reason: Reason) -> None:
    assert _reason(world, world.seal(world.command(**changed))) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize("aud", ["*", "GW-01", "gw-01,gw-02", ["gw-01", "gw-02"]])
def test_a_target_that_is_no_name_is_no_command(world: World, aud: object) -> None:
    changed = world.command(aud=aud)
    assert _reason(world, world.seal(changed)) is Reason.MALFORMED


def test_signatures_are_asked_for_before_all_else(world: World) -> None:
    people, command = world.people, world.command()
    assert _reason(world, write(command)) is Reason.UNSIGNED
    assert _reason(world, world.seal(command, people.stranger)) is Reason.UNKNOWN_KEY
    assert _reason(world, world.seal(command, people.ann, people.stranger)) is Reason.UNKNOWN_KEY
    assert _reason(world, seal(write(command), [people.ann.signer], MANIFEST)) is Reason.MALFORMED
    assert _reason(world, seal(b"{}", [people.ann.signer], "isolane-cmd+jws")) is Reason.MALFORMED


def test_rights_come_from_the_manifest(world: World) -> None:
    people = world.people
    world.idle["idle:CP1"] = True
    restart = world.command("charger.restart")
    assert _reason(world, world.seal(restart, people.ann, people.vic)) is Reason.RIGHTS
    assert _reason(world, world.seal(restart, people.ann, people.roots[0])) is Reason.RIGHTS
    assert _reason(world, world.seal(restart, people.ann)) is Reason.THRESHOLD
    assert _reason(world, world.seal(restart, people.ann, people.ann_again)) is Reason.THRESHOLD
    assert _reason(world, world.seal(restart, people.ann, people.olga)) is Reason.THRESHOLD
    assert _reason(world, world.seal(restart, people.olga, people.bob)) is Reason.REQUESTER
    status = world.command(req=Request(sub="vic", role="viewer", ticket="", reason=""))
    assert world.gate.check(world.seal(status, people.vic)).people == ["vic"]


def test_a_signature_over_another_payload_is_none(world: World) -> None:
    one = world.seal(world.command("charger.restart"), world.people.ann)
    two = world.seal(world.command("charger.restart"), world.people.bob)
    first, second = msgspec.json.decode(one), msgspec.json.decode(two)
    rows = sorted([first["signatures"][0], second["signatures"][0]], key=lambda row: str(row["protected"]))
    for order in (rows, rows[::-1]):
        data = msgspec.json.encode({"payload": first["payload"], "signatures": order})
        assert _reason(world, data) in {Reason.SIGNATURE, Reason.MALFORMED}


def test_the_clock_of_the_box_does_not_decide(world: World) -> None:
    """Time goes on by the monotonic clock from when the challenge was given out, whatever sets the other clock."""
    data = world.seal(world.command())
    world.clock.utc_s = 0.0
    assert world.gate.check(data).command.verb == "status"
    world.clock.utc_s = float(UTC_S)
    world.clock.mono_s += 301
    assert _reason(world, data) is Reason.TIME


def test_a_clock_that_is_worth_nothing_is_not_asked(world: World) -> None:
    world.is_synced = False
    world.clock.utc_s = 0.0
    world.challenges.renew()
    command = world.command(iat=UTC_S, nbf=UTC_S, exp=UTC_S + 300)
    assert world.gate.check(world.seal(command)).deadline_mono_ns == world.clock.mono_ns() + 300 * 10**9
    assert _reason(world, world.seal(world.command(chal=""))) is Reason.CLOCK_UNTRUSTED
    late = world.command(iat=UTC_S + 86_400, nbf=UTC_S + 86_400, exp=UTC_S + 86_500)
    assert _reason(world, world.seal(late)) is Reason.KEYS_EXPIRED


def test_two_challenges_count_and_no_longer_than_twenty_minutes(world: World) -> None:
    old = world.challenges.newest.value
    world.clock.pass_s(600)
    world.challenges.renew()
    world.gate.check(world.seal(world.command(chal=old)))
    world.challenges.renew()
    assert _reason(world, world.seal(world.command(chal=old))) is Reason.CHALLENGE
    world.clock.pass_s(1200)
    assert _reason(world, world.seal(world.command())) is Reason.CHALLENGE


def test_a_name_and_a_number_are_good_once(world: World) -> None:
    command = world.command(seq=100)
    data = world.seal(command)
    admitted = world.gate.check(data)
    world.seen.take(admitted.command, admitted.digest)
    assert _reason(world, data) is Reason.REPLAY
    assert _reason(world, world.seal(world.command(jti=command.jti))) is Reason.REPLAY
    assert _reason(world, world.seal(world.command(seq=100))) is Reason.SEQUENCE
    assert _reason(world, world.seal(world.command(seq=36))) is Reason.SEQUENCE
    world.gate.check(world.seal(world.command(seq=37)))


def test_keys_go_when_the_manifest_does(world: World) -> None:
    people = world.people
    without = [each for each in people.known if each is not people.ann]
    data = world.seal(world.command())
    world.keyring.renew(people.manifest(2, without, UTC_S + 100), UTC_S)
    assert _reason(world, data) is Reason.UNKNOWN_KEY
    olga = {"req": Request(sub="olga", role="operator", ticket="", reason="")}
    assert _reason(world, world.seal(world.command(**olga), people.olga)) is Reason.KEYS_VERSION  # type: ignore[arg-type]
    world.gate.check(world.seal(world.command(keys_ver=2, **olga), people.olga))  # type: ignore[arg-type]
    world.clock.pass_s(100)
    late = world.command(keys_ver=2, **olga)  # type: ignore[arg-type]
    assert _reason(world, world.seal(late, people.olga)) is Reason.KEYS_EXPIRED


@pytest.mark.parametrize("known", [False, None])
def test_an_interlock_that_is_open_or_unknown_refuses(world: World, *, known: bool | None) -> None:
    world.idle["idle:CP1"] = known
    data = world.seal(world.command("charger.restart"), world.people.ann, world.people.bob)
    assert _reason(world, data) is Reason.INTERLOCK
    world.idle["idle:CP1"] = True
    world.gate.check(data)
    other = world.command("charger.restart", args={"charger": "CP2"})
    assert _reason(world, world.seal(other, world.people.ann, world.people.bob)) is Reason.INTERLOCK


def test_frozen_it_reads_and_clears_and_nothing_else(world: World) -> None:
    world.idle["idle:CP1"] = True
    world.seen.freeze("ann")
    both = (world.people.ann, world.people.bob)
    assert _reason(world, world.seal(world.command("charger.restart"), *both)) is Reason.FROZEN
    world.gate.check(world.seal(world.command("status")))
    assert _reason(world, world.seal(world.command("freeze.clear"))) is Reason.THRESHOLD
    world.gate.check(world.seal(world.command("freeze.clear"), *both))


def test_a_flood_is_bounded_and_does_not_keep_from_freezing(world: World) -> None:
    outcomes = []
    for _ in range(40):
        try:
            world.gate.check(world.seal(world.command()))
            outcomes.append("fine")
        except RefusedError as refused:
            outcomes.append(refused.reason)
    assert (outcomes.count("fine"), outcomes.count(Reason.RATE)) == (10, 30)
    world.gate.check(world.seal(world.command("freeze.set")))
    for _ in range(60):
        with pytest.raises(RefusedError):
            world.gate.check(b"{}")
    assert _reason(world, world.seal(world.command("freeze.set"))) is Reason.FLOOD
    world.clock.pass_s(10)
    world.gate.check(world.seal(world.command("freeze.set")))


def test_a_disk_that_does_not_answer_refuses(world: World) -> None:
    world.seen.close()
    assert _reason(world, world.seal(world.command())) is Reason.AUDIT


def test_a_verb_of_the_catalogue_is_declared_as_there(world: World) -> None:
    lax = Status(dict)
    lax.declared = dataclasses.replace(lax.declared, words="read nothing much.")
    with pytest.raises(ValueError, match="declared otherwise"):
        Gate(
            gateway="gw-01",
            verbs=[lax],
            keyring=world.keyring,
            challenges=world.challenges,
            seen=world.seen,
            interlocks=lambda _: True,
            clock=world.clock,
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 9_999), st.integers(1, 255))
def test_no_change_of_a_byte_goes_through(world: World, where: int, bits: int) -> None:
    whole = world.seal(world.command())
    at = where * len(whole) // 10_000
    world.clock.pass_s(60)
    world.challenges.renew()
    with pytest.raises(RefusedError):
        world.gate.check(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
