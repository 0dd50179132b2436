"""This file tells a snapshot as one page of HTML; it guards that nothing in it is run or fetched, whatever it says.

The page has no script, its pictures are inline SVG, its style is its own; a policy in its head forbids all else. All
texts of a snapshot may be of anybody's choosing and are escaped. It is light or dark as the reader's screen.
"""

from collections.abc import Sequence

from isolane.wire.snapshot import CUT, WHOLE, Trigger
from isolane.wire.snapshot_file.content import Content, Happening, content
from isolane.wire.snapshot_file.manifest import Manifest, Verdict, compose
from isolane.wire.snapshot_file.plot import Axis, course, lanes, number, plain, utc
from isolane.wire.snapshot_file.standouts import Off, worst_first

PLOTS_MAX = 40
_ROWS_MAX = 500
_TEXT_MAX = 300
_TRIGGERS_MAX = 50
_MS_MAX = 1 << 53
_STYLE = """
:root{color-scheme:light dark;--ink:#1c2126;--soft:#535c66;--paper:#fff;--edge:#c9d0d7;--line:#0b5cad;--mark:#b3261e;
--event:#6b4a00;--bad:#fbe9e7;--fine:#e8f3ea}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a9b2bb;--paper:#15181b;--edge:#3c444c;--line:#7db7f2;
--mark:#ff8a80;--event:#e6bd6a;--bad:#4a1d1a;--fine:#1d3323}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--edge);vertical-align:top;
overflow-wrap:anywhere}
thead th,tbody th{font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}
.note{color:var(--soft)}
.verdict{padding:.6rem 1rem;border-radius:4px}.fine{background:var(--fine)}.bad{background:var(--bad)}
figure{margin:0 0 1rem}figcaption{overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--soft)}
svg path{fill:none;stroke-width:1}
.frame{stroke:var(--edge)}.grid{stroke:var(--edge);stroke-dasharray:1 4}
svg .line{stroke:var(--line);stroke-width:1.5}svg .mark{stroke:var(--mark);stroke-width:1.5}
svg .event{stroke:var(--event)}
@media print{figure,tr{break-inside:avoid}}
"""
_SIGNATURES = {
    "good": "The manifest is signed by the key that was given.",
    "bad": "The manifest's signature does not fit the key that was given.",
    "other key": "The manifest is signed by another key than the one that was given.",
    "not checked": "The manifest is signed; by whom was not checked, since no key was given.",
    "unsigned": "There is no signature.",
}
_ENDS = {
    WHOLE: "The file is whole.",
    CUT: "The file was ended by a power cut, a kill or a full disk, and completed afterwards.",
}


def document(verdict: Verdict, told: Content | None = None) -> str:
    """Write the report of a snapshot.

    Args:
        verdict: From `manifest.check`.
        told: Its content, if it was read before.
    """
    told = told or content(verdict.anatomy)
    manifest = verdict.manifest or compose(verdict.anatomy, verdict.end)
    triggers = sorted(manifest.triggers, key=lambda each: each.t_ms)
    axis = _axis(manifest, triggers, told)
    offs = worst_first(told.lines, axis.marks_ms[0] if axis.marks_ms else axis.to_ms)
    title = f"Incident report: {manifest.charger or manifest.gateway or 'gateway'}"
    if triggers:
        title += f", {triggers[0].kind}, {utc(triggers[0].t_ms)} UTC"
    parts = [
        f"<h1>{plain(title)}</h1>",
        _identity(manifest),
        "<h2>What triggered it</h2>",
        _triggers(triggers),
        "<h2>Is it as it was written?</h2>",
        _verdict(verdict, told),
        "<h2>What was not as before</h2>",
        _standouts(offs),
        "<h2>Before and after</h2>",
        _legend(axis),
        _figure("Events, states and log", lanes(told.happenings, axis)),
        *(_figure(_caption(off), course(off.line, axis)) for off in offs[:PLOTS_MAX]),
        _more(len(offs) - PLOTS_MAX, "signals"),
        "<h2>Events, states and log</h2>",
        _happenings(told.happenings, axis),
    ]
    return _page(title, "\n".join(parts))


def _page(title: str, body: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{plain(title)}</title>\n<style>{_STYLE}</style>\n'
        f"</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _axis(manifest: Manifest, triggers: Sequence[Trigger], told: Content) -> Axis:
    times = [(int(line.t_ms[0]), int(line.t_ms[-1])) for line in told.lines if line.t_ms.size]
    times += [(one.t_ms, one.t_ms) for one in told.happenings]
    first = min((begin for begin, _ in times), default=manifest.from_ms)
    last = max((end for _, end in times), default=manifest.to_ms)
    return Axis(
        first, max(last, first + 1000), [each.t_ms for each in triggers if abs(each.t_ms) < _MS_MAX][:_TRIGGERS_MAX]
    )


def _identity(manifest: Manifest) -> str:
    clock = manifest.clock[0] if manifest.clock else {}
    rows = [
        ("Snapshot", manifest.id or "not known"),
        ("Gateway", f"{manifest.site} / {manifest.gateway}"),
        ("Charger", manifest.charger or "all, and the gateway itself"),
        ("Device", " ".join(manifest.device.values()) or "not known"),
        ("Time, UTC", f"{utc(manifest.from_ms)} to {utc(manifest.to_ms)}"),
        ("Clock", ", ".join(f"{name} {text}" for name, text in clock.items() if name != "mono_ns") or "not known"),
        ("Software", ", ".join(f"{name} {text}" for name, text in manifest.software.items()) or "not known"),
    ]
    cells = "".join(f'<tr><th scope="row">{name}</th><td>{plain(text)}</td></tr>' for name, text in rows)
    return f"<table><tbody>{cells}</tbody></table>"


def _legend(axis: Axis) -> str:
    zero = f"the first trigger, {utc(axis.marks_ms[0])} UTC" if axis.marks_ms else f"{utc(axis.from_ms)} UTC"
    text = f"Seconds from {zero}; a red line is a trigger. The signal that was least as before comes first."
    return f'<p class="note">{plain(text)}</p>'


def _triggers(triggers: Sequence[Trigger]) -> str:
    rows = [(utc(each.t_ms), f"L{each.level}", each.kind, each.charger, each.what, each.value) for each in triggers]
    return _table(("Time, UTC", "Level", "Kind", "Charger", "Seen by", "Seen"), rows, _TRIGGERS_MAX, "triggers")


def _verdict(verdict: Verdict, told: Content) -> str:
    is_fine = not verdict.faults and verdict.signature not in {"bad", "other key"}
    says = [
        _ENDS.get(verdict.end, "The file has no end: it is cut, or still being written; what is whole of it was read."),
        "It is as the manifest says." if verdict.manifest and not verdict.faults else "",
        _SIGNATURES.get(verdict.signature, ""),
        f"{len(verdict.anatomy.chunks)} chunks are whole.",
        f"{told.unread} messages could not be read." if told.unread else "",
    ]
    faults = "".join(f"<li>{plain(fault)}</li>" for fault in verdict.faults[:_TRIGGERS_MAX])
    listed = f"<p>It is not as it was written:</p><ul>{faults}</ul>" if faults else ""
    text = " ".join(filter(None, says))
    return f'<div class="verdict {"fine" if is_fine else "bad"}"><p>{plain(text)}</p>{listed}</div>'


def _standouts(offs: Sequence[Off]) -> str:
    told = [off for off in offs if off.off_sd > 0]
    rows = [
        (off.line.charger, off.line.key, off.line.unit, number(off.usual), number(off.last), f"{off.off_sd:.1f}")
        for off in told
    ]
    heads = ("Charger", "Signal", "Unit", "Usual", "At the trigger", "Off, standard deviations")
    return _table(heads, rows, PLOTS_MAX, "signals", numbers=3)


def _happenings(happenings: Sequence[Happening], axis: Axis) -> str:
    zero_ms = axis.marks_ms[0] if axis.marks_ms else axis.from_ms
    near = sorted(happenings, key=lambda one: abs(one.t_ms - zero_ms))[:_ROWS_MAX]
    rows = [
        (utc(one.t_ms), f"{(one.t_ms - zero_ms) / 1000:+.3f}", one.kind, one.charger, f"{one.what} {one.text}".strip())
        for one in sorted(near, key=lambda one: one.t_ms)
    ]
    table = _table(("Time, UTC", "Seconds", "Kind", "Charger", "What"), rows, _ROWS_MAX, "events")
    return table + _more(len(happenings) - len(near), "events further away from the trigger")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], most: int, what: str, numbers: int = 0) -> str:
    if not rows:
        return '<p class="note">None.</p>'
    right = len(heads) - numbers
    marks = ["" if at < right else ' class="number"' for at in range(len(heads))]
    head = "".join(f'<th scope="col"{mark}>{plain(name)}</th>' for mark, name in zip(marks, heads, strict=True))
    lines = []
    for row in rows[:most]:
        cells = (f"<td{mark}>{plain(_short(text))}</td>" for mark, text in zip(marks, row, strict=True))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" + _more(len(rows) - most, what)


def _figure(caption: str, picture: str) -> str:
    return f"<figure><figcaption>{plain(_short(caption))}</figcaption>{picture}</figure>"


def _caption(off: Off) -> str:
    unit = f", {off.line.unit}" if off.line.unit else ""
    rate = f", each {off.line.step_ms} ms" if off.line.step_ms and off.line.step_ms < 1000 else ""  # noqa: PLR2004 - 1 Hz
    return f"{off.line.name}{unit}{rate}"


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _more(count: int, what: str) -> str:
    return f'<p class="note">{count} more {what} are not shown.</p>' if count > 0 else ""
