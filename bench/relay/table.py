"""This file shows what was found, as text, as a page and as a picture; it guards that each shows the same rows."""

from collections.abc import Sequence
from html import escape

from bench.relay.contestants import BARE, PRODUCT
from bench.relay.report import Figure, Row

HEADS = ("added p50, µs", "added p99, µs", "CPU, µs/frame", "frames/s", "handshakes/s/core", "kB/pair")
LEGEND = (
    "direct: the round trip itself; others: what they add to it; x: ratio to HAProxy in this run and its 90 % interval."
)
_COLOURS = ("#9aa0a6", "#4878a8", "#5b8f6b", "#c8553d", "#e0a890")
_PANEL_WIDTH, _PANEL_HEIGHT, _TOP, _LEFT = 300, 220, 60, 40


def cells(row: Row) -> list[str]:
    """Give the cells behind way and relay."""
    return [
        _figure(row.p50_us),
        _figure(row.p99_us),
        "-" if row.cpu_us is None else _figure(row.cpu_us),
        f"{row.frames_s:.0f}",
        _number(row.handshakes_core_s, 0),
        _number(row.pair_kb, 1),
    ]


def text(found: Sequence[Row]) -> str:
    """Write the table for a terminal."""
    lines = [f"{'way':9}{'relay':16}" + "".join(f"{head:>26}" for head in HEADS[:3]) + _right(HEADS[3:])]
    for row in found:
        shown = cells(row)
        lines.append(f"{row.way:9}{row.name:16}" + "".join(f"{cell:>26}" for cell in shown[:3]) + _right(shown[3:]))
    return "\n".join((*lines, LEGEND))


def page(found: Sequence[Row], command: str, setting: str, verdict: str) -> str:
    """Write the reference page."""
    head = ("way", "relay", *HEADS)
    body = [
        "| " + " | ".join((row.way, f"**{row.name}**" if row.name == PRODUCT else row.name, *cells(row))) + " |"
        for row in found
    ]
    return "\n".join(
        (
            "# The relay against HAProxy and nginx",
            "",
            "Written by this command, which measures again on any machine and judges by ratios, not by absolutes:",
            "",
            "```sh",
            command,
            "```",
            "",
            setting,
            "",
            f"`{PRODUCT}` is the relay as shipped, with a tap attached that takes every copy. " + LEGEND,
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
    """Draw the added times and the CPU time, a panel each, as SVG."""
    panels = (("added p50, µs", "p50_us"), ("added p99, µs", "p99_us"), ("CPU, µs/frame", "cpu_us"))
    relays = [row for row in found if row.name != BARE]
    names = list(dict.fromkeys(row.name for row in relays))
    parts = [
        f'<text x="{_LEFT + 150 * at}" y="22" fill="{_COLOURS[at]}">■ {escape(name)}</text>'
        for at, name in enumerate(names)
    ]
    for at, (title, figure) in enumerate(panels):
        parts += _panel(_LEFT + at * (_PANEL_WIDTH + _LEFT), title, figure, relays, names)
    width, height = _LEFT + len(panels) * (_PANEL_WIDTH + _LEFT), _TOP + _PANEL_HEIGHT + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _panel(left: int, title: str, figure: str, relays: Sequence[Row], names: list[str]) -> list[str]:
    """Draw bars, grouped by way."""
    ways = list(dict.fromkeys(row.way for row in relays))
    values = {(row.way, row.name): (getattr(row, figure) or Figure(0.0)).value for row in relays}
    most = max(values.values()) or 1.0
    group = _PANEL_WIDTH / len(ways)
    bar = group * 0.8 / len(names)
    bottom = _TOP + _PANEL_HEIGHT
    parts = [f'<text x="{left}" y="{_TOP - 12}" font-weight="bold">{title}</text>']
    for place, way in enumerate(ways):
        parts.append(f'<text x="{left + group * place}" y="{bottom + 18}">{way}</text>')
        for at, name in enumerate(names):
            value = values[way, name]
            height = max(0.0, value / most * (_PANEL_HEIGHT - 20))
            x, fill = left + group * place + bar * at, f'fill="{_COLOURS[at]}"'
            parts += (
                f'<rect x="{x:.1f}" y="{bottom - height:.1f}" width="{bar * 0.9:.1f}" height="{height:.1f}" {fill}/>',
                f'<text x="{x:.1f}" y="{bottom - height - 3:.1f}" font-size="8">{value:.0f}</text>',
            )
    return parts


def _right(words: Sequence[str]) -> str:
    return "".join(f"{word:>19}" for word in words)


def _figure(figure: Figure) -> str:
    if figure.ratio is None:
        return f"{figure.value:.1f}"
    return f"{figure.value:.1f} x{figure.ratio:.2f} [{figure.low:.2f}-{figure.high:.2f}]"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
