"""This file asks for snapshots from the command line; it guards what is said of whole, cut and changed ones."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isolane.cli.main import main
from isolane.security.signing import Signer
from isolane.wire.snapshot import Trigger
from support.black_boxes import Plant

SITE = """
[site]
name = "north"
gateway = "gw-1"
run_dir = "run"
[health.outbox]
path = "o.db"
[[health.sources]]
type = "host"
[health.recorder]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Gives a settings file beside which a snapshot was taken, signed with the key in k.pem, public half in k.pub."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (tmp_path / "k.pem").write_bytes(private)
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "k.pub").write_bytes(public)
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    plant = Plant(tmp_path / "o.db.blackbox", signer=Signer(tmp_path / "k.pem"))
    plant.run(30)
    plant.is_closed = False
    plant.run(5)
    plant.keeper.close()
    return path


def test_a_snapshot_is_listed_shown_and_checked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blackbox", "list", "-c", str(config)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    ident = line.split()[0]
    assert line.split()[2:4] == ["whole", "4"]
    assert line.endswith("CP-1              contactor-under-load")
    assert main(["blackbox", "show", ident[:12], "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "L4 contactor-under-load 1.1/PowerContactor/Active" in shown
    assert "messages /health/CP-1:" in shown
    public = str(config.with_name("k.pub"))
    assert main(["blackbox", "verify", ident, "--key", public, "-c", str(config)]) == 0
    assert "signature: good" in capsys.readouterr().out


def test_what_was_changed_is_refused_and_what_was_cut_is_read(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = (config.parent / "o.db.blackbox/snapshots").glob("*.mcap")
    data = path.read_bytes()
    changed = config.with_name("changed.mcap")
    changed.write_bytes(data[:3000] + bytes([data[3000] ^ 1]) + data[3001:])
    assert main(["blackbox", "verify", str(changed)]) == 1
    changed.write_bytes(data[: len(data) // 2])
    assert main(["blackbox", "verify", str(changed)]) == 0
    assert "open, " in capsys.readouterr().out
    assert main(["blackbox", "verify", str(changed), "--key", str(config.with_name("k.pub"))]) == 1
    changed.write_bytes(b"something else")
    assert main(["blackbox", "verify", str(changed)]) == 2
    assert main(["blackbox", "show", "ffff", "-c", str(config)]) == 2
    assert "0 snapshots" in capsys.readouterr().err


def test_the_log_that_a_charger_has_left_is_written_as_it_came(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = Plant(config.with_name("o.db.blackbox"))
    left, out = config.with_name("left"), config.with_name("out")
    left.write_bytes(bytes(range(256)) * 200)
    told = Trigger(
        kind="command", charger="CP-1", t_ms=plant.clock.utc_ms, level=1, what="charger.get_log", value="log"
    )
    ident = plant.keeper.pack(told, left)
    assert main(["blackbox", "export", ident, "--upload", str(out), "-c", str(config)]) == 0
    assert out.read_bytes() == left.read_bytes()
    other = next(path.stem for path in plant.files() if path.stem != ident)
    assert main(["blackbox", "export", other, "--upload", str(out), "-c", str(config)]) == 2
    assert "no charger has left a log" in capsys.readouterr().err
