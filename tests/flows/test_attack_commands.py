"""This file checks the pure parts of the attacks on commands; it guards that each is broken in its one way."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.attack.commands import forge, spelling
from bench.attack.commands.flood import too_many
from bench.attack.commands.people import People, manifest
from bench.attack.commands.reading import Device, changes
from bench.attack.commands.tamper import CHANGES, first_bad
from bench.attack.fill import UnknownError

from isolane.security.audit import find_break, write_line
from isolane.security.envelope import COMMAND, EnvelopeError, parse, verify
from isolane.security.key_manifest import first
from isolane.security.merkle import Tree, leaf_hash
from isolane.wire.command import Command, Statement, read

_SAID = Statement(
    v=1, gw="gw-01", boot="B" * 22, chal="C" * 22, at=0, clock="synced", keys_ver=1, frozen=False, checkpoint=""
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("attack") / "people")


def _told(people: People) -> dict[str, object]:
    now_s = int(time.time())
    args: dict[str, object] = {"charger": "CP1"}
    return forge.compose(_SAID, "charger.reset", args, seq=1, now_s=now_s, who=people.ann)


def test_what_is_not_broken_is_good(people: People) -> None:
    trusted = first(manifest(1, people.known, people.roots))
    envelope = parse(forge.sign(_told(people), people.ann, people.carl), COMMAND)
    verify(envelope, trusted.keys)
    assert read(envelope.payload, Command).appr.need == 2
    assert people.eve.signer.key_id not in trusted.keys


@pytest.mark.parametrize("kind", ["none", "HS256-pub", "jwk", "jku", "x5u", "kid=../../k", "crit=[foo]", "b64=false"])
def test_each_attack_on_the_header_is_refused_for_one_of_its_reasons(people: People, kind: str) -> None:
    keys = first(manifest(1, people.known, people.roots)).keys
    made = forge.jws(_told(people), kind, people.ann, people.carl, people.eve)
    assert len({each.data for each in made}) == len(made)
    for each in made:
        with pytest.raises(EnvelopeError) as refused:
            verify(parse(each.data, COMMAND), keys)
        assert not each.reasons or refused.value.reason in each.reasons, each.label


@pytest.mark.parametrize("kind", ["S+L", "pad", "ws", "dup_member"])
def test_other_bytes_of_the_same_envelope_are_refused(people: People, kind: str) -> None:
    data = forge.sign(_told(people), people.ann, people.bob)
    keys = first(manifest(1, people.known, people.roots)).keys
    for each in spelling.malleable(data, kind):
        assert each.data != data
        with pytest.raises(EnvelopeError):
            verify(parse(each.data, COMMAND), keys)


def test_a_word_that_nobody_knows_is_an_error(people: People) -> None:
    told = _told(people)
    calls: tuple[Callable[[], object], ...] = (
        lambda: forge.jws(told, "PS256", people.ann, people.carl, people.eve),
        lambda: forge.unsigned(told, "half"),
        lambda: spelling.malleable(forge.sign(told, people.ann), "rot13"),
        lambda: forge.hostile_args("arg=other"),
        lambda: forge.times("soon", 0),
    )
    for call in calls:
        with pytest.raises(UnknownError):
            call()


@pytest.mark.parametrize("name", ["delete_mid", "edit", "reorder"])
def test_a_changed_line_breaks_the_chain_where_it_is_said_to(name: str) -> None:
    lines, previous = [], "0" * 64
    for number in range(9):
        lines.append(write_line(number, previous, {"people": ["ann"]}))
        previous = leaf_hash(lines[-1]).hex()
    changed, at = CHANGES[name](lines)
    found = find_break(changed, Tree())
    assert found is not None
    assert found.first_bad == at
    assert first_bad(f"9 lines\nNOT what was written, from line {found.first_bad}: {found.why}") == at
    assert first_bad("9 lines, 1 checkpoints") is None


def test_rates_are_counted_in_any_minute() -> None:
    assert not too_many([(at * 6.0, "status") for at in range(40)])
    assert not too_many([(0.0, "status")] * 10)
    assert too_many([(at * 0.1, "status") for at in range(13)])
    assert too_many([(at * 0.1, f"v{at % 9}") for at in range(40)])


def test_a_write_is_seen_and_a_question_is_none() -> None:
    device = Device()
    assert device.answer(bytes.fromhex("0300000001")) == bytes.fromhex("03020fa0")
    assert device.answer(bytes.fromhex("0600010002"))[0] == 0x86
    assert (device.reads, device.writes) == (1, ["0600010002"])
    messages = [json.loads(each) for each in ('[2,"1","Reset",{}]', '[2,"2","GetVariables",{}]', '[3,"3",{}]')]
    assert changes(messages) == [["Reset", {}]]


def test_keys_are_written_where_nobody_else_reads_them(people: People) -> None:
    assert len(people.private_keys()) == len(list(Path(people.folder).glob("*.pub")))
