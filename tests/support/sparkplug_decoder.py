"""This file decodes Sparkplug messages with pysparkplug, in that library's own environment under build/peers.

It guards that our own schema never judges itself. `decode` runs this very file there; the messages go in and out as
JSON.
"""

import fcntl
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_LOCK = _ROOT / "requirements/sparkplug.txt"
_VENV = _ROOT / "build/peers/sparkplug"
_PYTHON = _VENV / "bin/python"


@dataclass(frozen=True)
class Metric:
    """One metric as pysparkplug reads it, with the name and type from its birth."""

    name: str
    alias: int | None
    datatype: str
    value: Any
    t_ms: int | None
    is_historical: bool
    is_null: bool


@dataclass(frozen=True)
class Told:
    """One message."""

    kind: str
    device: str
    seq: int | None
    metrics: tuple[Metric, ...]


def install() -> None:
    """Make the environment if it is missing or from another lock."""
    _VENV.parent.mkdir(parents=True, exist_ok=True)
    with (_VENV.parent / ".sparkplug.lock").open("w", encoding="ascii") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # several test processes may want it at once
        _install()


def _install() -> None:
    stamp = _VENV / ".installed"
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", _VENV], check=True, timeout=300)
    # paho-mqtt 1, which pysparkplug wants, is a source package only.
    pip = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    only = ["--only-binary", ":all:", "--no-binary", "paho-mqtt"]
    subprocess.run([*pip, *only, "-r", str(_LOCK)], check=True, timeout=300)
    stamp.write_text(digest, encoding="ascii")


def decode(messages: list[tuple[str, bytes]]) -> list[Told]:
    """Decode (topic, payload) pairs, in their order."""
    asked = json.dumps([(topic, payload.hex()) for topic, payload in messages])
    done = subprocess.run([_PYTHON, __file__], input=asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [
        Told(each["kind"], each["device"], each["seq"], tuple(Metric(**metric) for metric in each["metrics"]))
        for each in json.loads(done.stdout)
    ]


def _main() -> None:
    import pysparkplug  # type: ignore[import-not-found]  # noqa: PLC0415 - only there in its own environment

    classes = {
        "NBIRTH": pysparkplug.NBirth,
        "DBIRTH": pysparkplug.DBirth,
        "NDATA": pysparkplug.NData,
        "DDATA": pysparkplug.DData,
        "DDEATH": pysparkplug.DDeath,
    }
    births: dict[str, Any] = {}
    out = []
    for topic, payload in json.load(sys.stdin):
        _, _, kind, _, *device = topic.split("/")
        raw, key = bytes.fromhex(payload), "/".join(device)
        if kind == "NDEATH":
            death = pysparkplug.NDeath.decode(raw)
            out.append({"kind": kind, "device": key, "seq": None, "metrics": [_metric(death.bd_seq_metric)]})
            continue
        message = classes[kind].decode(raw, birth=births.get(key))
        if kind.endswith("BIRTH"):
            births[key] = message
        metrics = [_metric(metric) for metric in getattr(message, "metrics", ())]
        out.append({"kind": kind, "device": key, "seq": message.seq, "metrics": metrics})
    json.dump(out, sys.stdout)


def _metric(metric: Any) -> dict[str, Any]:  # noqa: ANN401 - pysparkplug's class
    return {
        "name": metric.name,
        "alias": metric.alias,
        "datatype": metric.datatype.name,
        "value": metric.value,
        "t_ms": metric.timestamp,
        "is_historical": metric.is_historical,
        "is_null": metric.is_null,
    }


if __name__ == "__main__":
    _main()
