"""This file is `isolane blackbox`: snapshots listed, shown, checked and exported; it guards that none is changed."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from isolane.cli.options import add_config, extra
from isolane.config.load import load
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.wire.snapshot_file.manifest import Verdict

DESCRIPTION = """\
Look at the snapshots that a gateway's black box has taken: files in MCAP, which other programs open too. `list` shows
those of the settings file's [health.recorder], the newest first; `show` what triggered one and what is in it; `verify`
tells whether a file is as it was written: every chunk against the manifest, the manifest against its signature, given
the public key or certificate of the gateway. A file that a power cut has ended, or that is still being written, is read
up to its last whole chunk. `export` writes an incident report with plots, a Parquet table with a row for each value and
event, or COMTRADE files, one pair for each rate of rows. FILE is a path, or the id of a snapshot or its beginning.

exit codes of verify: 0 as it was written, 1 changed, damaged, or not signed by that key
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_config(actions.add_parser("list", help="the snapshots of a gateway"))
    summaries = {
        "show": "what is in a snapshot",
        "verify": "check hashes and signature",
        "export": "write it for people and other programs",
    }
    for name, summary in summaries.items():
        action = actions.add_parser(name, help=summary)
        action.add_argument("file", metavar="FILE", help="a snapshot's file, its id, or how that begins")
        add_config(action)
        if name != "show":
            action.add_argument("--key", type=Path, metavar="FILE", help="public key or certificate, PEM")
        if name == "export":
            action.add_argument("--html", type=Path, metavar="FILE", help="write an incident report")
            action.add_argument("--parquet", type=Path, metavar="FILE", help="write a table of values and events")
            action.add_argument("--comtrade", type=Path, metavar="FILE", help="write FILE as .cfg, its data as .dat")
            action.add_argument("--upload", type=Path, metavar="FILE", help="write the log that a charger has left")


def run(options: argparse.Namespace) -> int:
    """Do it.

    Raises:
        IsolaneError: A file or key cannot be read, or there is no such snapshot.
    """
    if options.action == "list":
        return _list(_folder(options.config))
    path = _found(options.file, options.config)
    verdict = _checked(path, getattr(options, "key", None))
    if options.action == "show":
        return _show(path, verdict)
    if options.action == "export":
        return _export(options, verdict)
    return _verify(path, verdict, is_key_given=options.key is not None)


def _list(folder: Path) -> int:
    print(f"{'ID':<32}  {'BEGUN (UTC)':<19}  {'STATE':<5}  {'LEVEL':<5}  {'BYTES':>9}  {'CHARGER':<16}  TRIGGERS")
    for path in sorted(folder.glob("*.mcap"), reverse=True):
        verdict = _checked(path, None)
        told = verdict.anatomy.told("isolane.trigger")
        level = max((note.get("level", "") for note in told), default="")
        begun = _utc(int(told[0].get("t_ms", 0))) if told else ""
        charger = next((note.get("charger", "") for note in verdict.anatomy.told("isolane.snapshot")), "")
        kinds = ", ".join(dict.fromkeys(note.get("kind", "") for note in told))
        size = path.stat().st_size
        print(f"{path.stem:<32}  {begun:<19}  {verdict.end:<5}  {level:<5}  {size:>9}  {_plain(charger):<16}  {kinds}")
    return 0


def _show(path: Path, verdict: "Verdict") -> int:
    from isolane.wire.snapshot_file.manifest import compose

    manifest = verdict.manifest or compose(verdict.anatomy, verdict.end)
    rows = [
        ("snapshot", manifest.id or path.name),
        ("gateway", f"{manifest.site}/{manifest.gateway}"),
        ("charger", manifest.charger or "all, and the gateway itself"),
        ("device", " ".join(manifest.device.values()) or "not known"),
        ("from", _utc(manifest.from_ms)),
        ("to", _utc(manifest.to_ms)),
        ("end", verdict.end),
        ("signature", verdict.signature),
        ("chunks", str(len(verdict.anatomy.chunks))),
    ]
    rows += [(f"clock {name}", text) for note in manifest.clock[:1] for name, text in note.items()]
    rows += [(f"messages {topic}", str(count)) for topic, count in manifest.messages.items()]
    for each in manifest.triggers:
        rows.append(("trigger", f"{_utc(each.t_ms)} L{each.level} {each.kind} {each.what} {each.value}"))
    for name, text in rows:
        print(f"{name + ':':<24} {_plain(text)}")
    return 0


def _verify(path: Path, verdict: "Verdict", *, is_key_given: bool) -> int:
    for fault in verdict.faults:
        print(f"{path}: {fault}")
    chunks = len(verdict.anatomy.chunks)
    print(f"{path}: {verdict.end}, {chunks} whole chunks, signature: {verdict.signature}")
    is_signed = not is_key_given or verdict.signature == "good"
    return 0 if is_signed and not verdict.faults else 1


def _export(options: argparse.Namespace, verdict: "Verdict") -> int:
    from isolane.cli.blackbox_export import write_comtrade, write_parquet
    from isolane.wire.snapshot_file.content import content
    from isolane.wire.snapshot_file.manifest import compose
    from isolane.wire.snapshot_file.report import document

    if not (options.html or options.parquet or options.comtrade or options.upload):
        raise IsolaneError("nothing is to be written", "give --html, --parquet, --comtrade or --upload")
    told, manifest = content(verdict.anatomy), verdict.manifest or compose(verdict.anatomy, verdict.end)
    try:
        if options.html:
            options.html.write_text(document(verdict, told), encoding="utf-8")
            print(options.html)
        if options.parquet:
            print(f"{options.parquet}: {write_parquet(options.parquet, told)} rows")
        if options.comtrade:
            written = write_comtrade(options.comtrade, told, manifest)
            print("\n".join(map(str, written)) or "no rows for COMTRADE")
        if options.upload:
            options.upload.write_bytes(_uploaded(verdict))
            print(options.upload)
    except OSError as error:
        raise IsolaneError(f"cannot write {error.filename}: {error.strerror}") from error
    return 0


def _uploaded(verdict: "Verdict") -> bytes:
    from isolane.wire.snapshot_file.content import uploaded

    try:
        found = uploaded(verdict.anatomy)
    except ValueError as error:
        raise IsolaneError(f"the log in it is not whole: {error}", "have the charger upload it again") from error
    if found is None:
        raise IsolaneError("no charger has left a log in it", "see `isolane blackbox show`")
    return found


def _checked(path: Path, key: Path | None) -> "Verdict":
    with extra("health"):
        from isolane.security.signing import Verifier
        from isolane.wire.snapshot_file.manifest import check

    try:
        return check(path.read_bytes(), None if key is None else Verifier.load(key))
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise IsolaneError(f"{path} is no snapshot: {error}", "see `isolane blackbox list`") from error


def _found(text: str, config: Path) -> Path:
    """Give the file that somebody means."""
    path = Path(text)
    if path.exists() or path.suffix:
        return path
    found = sorted(_folder(config).glob(f"{text}*.mcap")) if text.isalnum() else []
    if len(found) != 1:
        raise IsolaneError(
            f"{len(found)} snapshots have an id that begins with {text!r}", "see `isolane blackbox list`"
        )
    return found[0]


def _folder(config: Path) -> Path:
    with extra("health"):
        from isolane.health.settings import HealthSettings

    settings = load(config, "health", HealthSettings)
    if settings.recorder is None:
        raise IsolaneError(f"{config} has no black box", "add the table [health.recorder]")
    return settings.recorder.folder(settings.outbox.path) / "snapshots"


def _utc(t_ms: int) -> str:
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(t_ms)


def _plain(text: str) -> str:
    """Give a text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
