"""This file tampers with the proof of a command; it guards that each part that is changed proves nothing any more."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form

from isolane.center.api.command_bodies import proof_of
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.cli.main import main
from isolane.security.checkpoint import Checkpoint, sign
from isolane.security.signing import PublicKey
from isolane.wire.command_proof import encode
from support.proposals import asked
from support.stated_center import StatedCenter

Told = dict[str, object]


class Case:
    """A command that two people signed and a gateway has done, and its proof as a file."""

    def __init__(self, folder: Path, center: StatedCenter) -> None:
        self.folder, self.center = folder, center
        self.file = folder / "proof.json"
        self.key = self._pem("gw-01", center.gateway.signer.public_key)
        self.witness = self._pem("center", center.key.signer.public_key)
        (folder / "keys.jws").write_bytes(self.center.people.manifest(1))

    def _pem(self, name: str, key: PublicKey) -> Path:
        path = self.folder / f"{name}.pub"
        path.write_bytes(key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
        return path

    def verify(self, *more: str, gateway: str = "gw-01", key: Path | None = None) -> int:
        options = ["--gateway", gateway, "--key", str(key or self.key), *more]
        return main(["audit", "verify", str(self.file), *options])

    def all(self) -> int:
        return self.verify("--keys", str(self.folder / "keys.jws"), "--center", f"center:{self.witness}")

    def change(self, change: Callable[[Told], object]) -> None:
        told: Told = json.loads(self.file.read_bytes())
        change(told)
        self.file.write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    catalogue = SqlCatalogue(open_database(tmp_path / "catalogue.sqlite3"))
    center = await StatedCenter(catalogue, tmp_path).begin()
    made = await center.commands.propose(asked("charger.reset", charger="CP1"))
    await center.sign(made, center.people.ann, center.people.bob)
    await center.answer(made, "accepted")
    await center.state()
    await center.answer(made, "done")
    await center.state(old=1)
    center.gateway.grow(3)
    await center.state(old=2)
    history, keys = await center.commands.one(made.jti), await center.commands.manifest()
    assert history is not None
    assert keys is not None
    one = Case(tmp_path, center)
    one.file.write_bytes(encode(proof_of(history, await center.commands.checkpoints("gw-01"), keys.data)))
    yield one
    await catalogue.close()


def test_all_of_it_is_proved_without_the_center(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    # A manifest made a second later has another signature; the one of the center is what people trust here.
    case.change(lambda told: (case.folder / "keys.jws").write_text(str(told["keys"]), encoding="utf-8"))
    assert case.all() == 0
    told = capsys.readouterr().out
    for words in (
        "restart an idle charger",
        "signed by ann as operator, bob as approver",
        "gw-01 signed: accepted",
        "gw-01 signed: done",
        "line 1 of its audit says so, in a tree of 2 lines that it has signed",
        "that very tree is co-signed by center",
        "3 checkpoints of the audit hold, the newest of 5 lines",
    ):
        assert words in told, told
    assert case.verify() == 0
    assert "not checked: give the key manifest" in capsys.readouterr().out


def _swap(name: str, old: str, new: str) -> Callable[[Told], object]:
    return lambda told: told.update({name: str(told[name]).replace(old, new, 1)})


def _receipts(told: Told) -> list[str]:
    receipts = told["receipts"]
    assert isinstance(receipts, list)
    return receipts


def _points(told: Told) -> list[dict[str, object]]:
    points = told["checkpoints"]
    assert isinstance(points, list)
    return points


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.update(payload="e30"), "is no command"),
        (lambda told: told.update(payload="%"), "no base64url"),
        (lambda told: told.update(jti="A" * 22), "not of"),
        (_swap("command", '"signature":"', '"signature":"A'), "signatures of the command do not hold"),
        (lambda told: _receipts(told).append(_receipts(told)[0].replace('"signature":"', '"signature":"A')), "receipt"),
        (lambda told: _points(told).reverse(), "not in order"),
        (lambda told: _points(told)[2].update(path=["0" * 64]), "does not begin with"),
        (lambda told: _points(told)[0].update(note="gone"), "a checkpoint does not hold"),
        (lambda told: told.update(more=1), "unknown field"),
    ],
)
def test_what_is_changed_proves_nothing(
    case: Case, capsys: pytest.CaptureFixture[str], change: Callable[[Told], object], sentence: str
) -> None:
    case.change(change)
    assert case.verify() == 1
    told = capsys.readouterr().out
    assert told.startswith("NOT proved")
    assert sentence in told


def test_other_keys_prove_nothing(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.verify(key=case.witness) == 1
    assert case.verify(gateway="gw-02") == 1
    case.center.people.bob = case.center.people.eve
    (case.folder / "other.jws").write_bytes(case.center.people.manifest(2))
    assert case.verify("--keys", str(case.folder / "other.jws")) == 1
    assert case.verify("--center", f"center:{case.key}") == 0
    assert "that tree is not co-signed by center" in capsys.readouterr().out
    assert case.verify("--keys", str(case.key)) == 2
    assert "is no key manifest" in capsys.readouterr().err


def test_a_second_history_of_the_same_length_is_found(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """What a gateway would need for it is its own key; then two trees of one length are signed."""
    gateway = case.center.gateway
    gateway.tree = type(gateway.tree)()
    gateway.grow(2, "other")
    note = sign(Checkpoint("isolane/audit/gw-01", 2, gateway.tree.root()), "gw-01", gateway.signer)
    case.change(lambda told: _points(told)[1].update(note=note, old=0, path=[]))
    case.change(lambda told: _points(told)[2].update(old=0, path=[]))
    assert case.verify() == 1
    assert "second history" in capsys.readouterr().out
