"""This file shows what was found, as text, as a page and as a picture; it guards that each shows the same rows."""

from collections.abc import Sequence
from html import escape
from math import log10

from bench.isolation.ocpp import KINDS
from bench.isolation.plan import LOADS, LOOSE, OFF, PRODUCT, SINGLE, limit
from bench.isolation.report import Row

HEADS = (
    "p99 to A alone",
    "at most",
    "lost",
    *(f"{kind} p50 / p99, ms" for kind in KINDS),
    "B, kbit/s (of link)",
    "uplink, kbit/s",
    "samples",
)
LEGEND = (
    "x: ratio of the 99th percentile of both kinds to A alone's in the same turns, and its 90 % interval; "
    "lost: without an answer 10 s after it was due, of all; B: what the uplink has carried beyond the messages of "
    "A alone's turns, and its share of the link; uplink: all that it has carried; "
    "samples: telemetry that has come to the far end in these turns."
)
_COLOURS = {SINGLE: "#9aa0a6", LOOSE: "#4878a8", PRODUCT: "#c8553d"}
_WIDTH, _HEIGHT, _TOP, _LEFT = 330, 220, 60, 40
_DECADES = 2.3
"""Ratios are drawn on a logarithmic scale from 1 to 200."""


def cells(row: Row) -> list[str]:
    """Give the cells behind link, load and row."""
    ratio = "-" if row.ratio is None else f"x{row.ratio:.2f} [{row.low:.2f}-{row.high:.2f}]"
    most = limit(row.load, row.kbps) if row.row == PRODUCT else None
    count = sum(kind.count for kind in row.kinds.values())
    kinds = (f"{kind.p50_ms:.1f} / {kind.p99_ms:.1f}" for kind in row.kinds.values())
    return [
        ratio,
        "-" if most is None else f"{most:.2f}",
        f"{row.lost} of {count}",
        *kinds,
        _telemetry(row),
        f"{row.up_kbps:.0f}",
        "-" if row.row == OFF else f"{row.samples}",
    ]


def text(found: Sequence[Row]) -> str:
    """Write the table for a terminal."""
    widths = (24, 9, 12, 24, 31, 21, 16, 12)
    lines = [f"{'kbit/s':>7} {'load':10}{'row':26}" + _right(HEADS, widths)]
    lines += [f"{row.kbps:7} {row.load:10}{row.row:26}" + _right(cells(row), widths) for row in found]
    return "\n".join((*lines, LEGEND))


def page(found: Sequence[Row], setting: Sequence[str], verdict: str, drawn: str) -> str:
    """Write the reference page; `drawn` is the name of the picture beside it."""
    head = ("link, kbit/s", "load", "row", *HEADS)
    body = []
    for row in found:
        name = f"**{row.row}**" if row.row == PRODUCT else row.row
        body.append("| " + " | ".join((str(row.kbps), row.load, name, *cells(row))) + " |")
    return "\n".join(
        (
            "# Channel A beside Channel B on one thin link",
            "",
            "Written by this command, which measures again on any machine (as root: it makes network namespaces) and",
            "judges by ratios, not by absolutes:",
            "",
            "```sh",
            "make bench-isolation",
            "```",
            "",
            *setting,
            "",
            *(f"- `{load}`: {what}" for load, what in LOADS.items()),
            "",
            f"Rows: `{OFF}` is a relay with nothing beside it; `{SINGLE}` is the same telemetry as MeterValues in the",
            f"chargers' own WebSocket, each charger with one call in flight and its business first; `{LOOSE}` is",
            "isolane with every brake of `[health.budget]` off and B outside its control group;",
            f"**{PRODUCT}** is isolane told what the uplink carries",
            "(`link_kbit_s`), all else at its default.",
            "",
            f"![Ratios of the 99th percentile, a panel for each link]({drawn})",
            "",
            LEGEND,
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *body,
            "",
            f"Verdict of that run: `{verdict}`",
            "",
        )
    )


def picture(found: Sequence[Row]) -> str:
    """Draw the ratios of the 99th percentile, a panel a link, as SVG; a cross marks where messages were lost."""
    links = list(dict.fromkeys(row.kbps for row in found))
    parts = [
        f'<text x="{_LEFT + 190 * at}" y="22" fill="{colour}">■ {escape(name)}</text>'
        for at, (name, colour) in enumerate(_COLOURS.items())
    ]
    for at, kbps in enumerate(links):
        parts += _panel(_LEFT + at * (_WIDTH + _LEFT), kbps, [row for row in found if row.kbps == kbps])
    width, height = _LEFT + len(links) * (_WIDTH + _LEFT), _TOP + _HEIGHT + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {max(width, 640)} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _panel(left: int, kbps: int, found: Sequence[Row]) -> list[str]:
    """Draw bars, grouped by load."""
    loads = list(dict.fromkeys(row.load for row in found))
    group = _WIDTH / len(loads)
    bar = group * 0.8 / len(_COLOURS)
    bottom = _TOP + _HEIGHT
    parts = [f'<text x="{left}" y="{_TOP - 12}" font-weight="bold">{kbps} kbit/s: p99 to A alone</text>']
    for decade in range(3):
        y = bottom - _up(10.0**decade)
        parts.append(f'<line x1="{left}" x2="{left + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 4}" y="{y + 3:.1f}" font-size="9" text-anchor="end">{10**decade}</text>')
    for place, load in enumerate(loads):
        parts.append(f'<text x="{left + group * place}" y="{bottom + 18}">{load}</text>')
        for at, name in enumerate(_COLOURS):
            row = next((row for row in found if (row.load, row.row) == (load, name)), None)
            if row is None or row.ratio is None:
                continue
            height, mark = max(1.0, _up(row.ratio)), "✗" if row.lost else ""
            x, fill = f"{left + group * place + bar * at:.1f}", f'fill="{_COLOURS[name]}"'
            parts += (
                f'<rect x="{x}" y="{bottom - height:.1f}" width="{bar * 0.9:.1f}" height="{height:.1f}" {fill}/>',
                f'<text x="{x}" y="{bottom - height - 3:.1f}" font-size="8">{row.ratio:.2f}{mark}</text>',
            )
    return parts


def _telemetry(row: Row) -> str:
    if row.telemetry_kbps is None or row.telemetry_share is None:
        return "-"
    return f"{row.telemetry_kbps:.1f} ({100 * row.telemetry_share:.1f} %)"


def _up(ratio: float) -> float:
    return min(1.0, max(0.0, log10(ratio)) / _DECADES) * (_HEIGHT - 20)


def _right(words: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{word:>{width}}" for word, width in zip(words, widths, strict=True))
