"""This file turns figures into a verdict, a table and a page; it guards that all three show the same figures."""

from dataclasses import asdict, dataclass
from typing import Any

from bench.center.fleet import Fleet, fleet_pages
from bench.center.peer import Direct
from bench.center.queries import Took
from bench.center.stored import Stored

INGEST_MIN = 1e6
REST_BYTES_MAX = 0.6
DAY_MS_MAX = 100.0
YEAR_MS_MAX = 300.0
FLEET_MS_MAX, FLEET_CHARGERS = 300.0, 1000
_DAY = "24 h x 4 signals"


@dataclass(frozen=True)
class Found:
    """All that was measured.

    Attributes:
        embedded: The embedded store.
        victoria: VictoriaMetrics behind the center.
        direct: VictoriaMetrics that is written to directly.
        fleet: Thousands of chargers.
    """

    embedded: Stored
    victoria: Stored
    direct: Direct
    fleet: Fleet

    def chart(self) -> Took:
        """Give the chart of a day from the embedded store."""
        return next(took for took in self.embedded.charts if took.what == _DAY)

    def year(self) -> Took:
        """Give the longest chart from the embedded store."""
        return self.embedded.charts[-1]


def misses(found: Found) -> list[str]:
    """Say what falls short."""
    large, embedded = found.fleet, found.embedded
    pages = [page for page in large.pages if page.what in fleet_pages(FLEET_CHARGERS)]
    sent = large.samples / large.seconds
    wanted = large.chargers * 50
    short = [
        (embedded.taken.per_core < INGEST_MIN, f"{embedded.taken.per_core / 1e6:.2f} M samples/s/core taken"),
        (embedded.rested.per_core < INGEST_MIN, f"{embedded.rested.per_core / 1e6:.2f} M samples/s/core to rest"),
        (embedded.rest_bytes > REST_BYTES_MAX, f"{embedded.rest_bytes:.2f} B/sample at rest"),
        (found.chart().median_ms > DAY_MS_MAX, f"{found.chart().median_ms:.0f} ms for {_DAY}"),
        (found.year().median_ms > YEAR_MS_MAX, f"{found.year().median_ms:.0f} ms for {found.year().what}"),
        *((page.median_ms > FLEET_MS_MAX, f"{page.median_ms:.0f} ms for the {page.what}") for page in pages),
        (large.behind > 0, f"{large.behind} posts waited for the one before: {sent:,.0f} of {wanted:,} samples/s"),
    ]
    return [sentence for is_short, sentence in short if is_short]


def verdict(found: Found) -> str:
    """Give the last line."""
    short = misses(found)
    return f"center: falls short: {'; '.join(short)}" if short else "center: pass"


def table(found: Found) -> list[tuple[str, str, str, str, str]]:
    """Give what, embedded, VictoriaMetrics behind the center, written directly, and embedded beside the last."""
    embedded, victoria, direct = found.embedded, found.victoria, found.direct

    def speed(what: str, own: float, far: float) -> tuple[str, str, str, str, str]:
        peer = direct.pace.per_core
        return what, f"{own / 1e6:.2f} M", f"{far / 1e6:.2f} M", f"{peer / 1e6:.2f} M", f"{own / peer:.2f} x"

    def size(what: str, own: float, far: float) -> tuple[str, str, str, str, str]:
        return what, f"{own:.3f}", f"{far:.3f}", f"{direct.rest_bytes:.3f}", f"{own / direct.rest_bytes:.2f} x"

    rows = [
        speed("samples/s/core, acknowledged, 60-row blocks", embedded.taken.per_core, victoria.taken.per_core),
        speed("samples/s/core, to where they rest", embedded.rested.per_core, victoria.rested.per_core),
        speed("samples/s/core, acknowledged, 1-row blocks", embedded.live.per_core, victoria.live.per_core),
        size("B/sample at rest, full rate", embedded.raw_bytes, victoria.raw_bytes),
        size("B/sample at rest, with rollups", embedded.rest_bytes, victoria.rest_bytes),
    ]
    for own, far in zip(embedded.charts, victoria.charts, strict=True):
        peer = direct.chart.median_ms if own.what == _DAY else None
        told = ("-", "-") if peer is None else (f"{peer:.0f}", f"{own.median_ms / peer:.2f} x")
        rows.append((f"ms, {own.what}", _ms(own), _ms(far), *told))
    return rows


def _ms(took: Took) -> str:
    return f"{took.median_ms:.0f} ({took.first_ms:.0f} first, {took.worst_ms:.0f} worst)"


def sentences(found: Found) -> list[str]:
    """Say what is no row of the table."""
    pages = [
        f"The {page.what}: {page.median_ms:.0f} ms (first {page.first_ms:.0f}, worst "
        f"{page.worst_ms:.0f}), {page.found / 1000:.0f} kB."
        for page in found.fleet.pages
    ]
    large = found.fleet
    sent = (
        f"{large.chargers:,} chargers x 50 signals x 1 Hz over HTTPS with certificates, for {large.seconds:.0f} s: "
        f"{large.samples / large.seconds:,.0f} samples/s taken by one process with {large.cores:.2f} cores and "
        f"{large.memory_mb:.0f} MB; a post is acknowledged in {large.answer_ms[0]:.0f} ms (worst "
        f"{large.answer_ms[1]:.0f}); {large.behind} posts waited for the one before."
    )
    return [sent, *pages]


def text(found: Found) -> str:
    """Write everything for a terminal."""
    heads = ("", "embedded", "with VictoriaMetrics", "written directly", "ratio")
    lines = [
        f"{what:46}{own:>30}{far:>30}{peer:>18}{ratio:>10}" for what, own, far, peer, ratio in [heads, *table(found)]
    ]
    return "\n".join((*lines, "", *sentences(found)))


def document(found: Found, command: str) -> dict[str, Any]:
    """Give what is written as JSON."""
    return {"command": command, **asdict(found), "verdict": verdict(found)}


def page(found: Found, command: str) -> str:
    """Write the reference page."""
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in table(found))
    notes = "\n".join(f"- {sentence}" for sentence in sentences(found))
    return f"""# What the center takes, keeps and answers

Written by `{command}`; times are of the machine it ran on, bytes are not. A site of ten simulated DC chargers with 50
signals each at 1 Hz, the same samples for every column: through the center's intake into its embedded store, into
VictoriaMetrics behind the center, and straight into VictoriaMetrics by remote write, where only the server's own
processor time counts and nobody verifies, keeps books or makes rollups.

Taken is what is durable and acknowledged; at rest means in the lake's Parquet files, or merged on VictoriaMetrics' disk
with its index. Processor time with VictoriaMetrics is that of both processes. Times of questions are medians of nine,
after a first one; those of pages are from the request to the last byte, on the same machine. The longest chart is of a
charger with four signals and a row each 30 s, at the same site.

| | embedded | with VictoriaMetrics | written directly | embedded to direct |
|---|---|---|---|---|
{rows}

{notes}

Demanded of the embedded store: at least {INGEST_MIN / 1e6:g} M samples/s/core, at most {REST_BYTES_MAX} B/sample at
rest, {DAY_MS_MAX:.0f} ms for {_DAY}, {YEAR_MS_MAX:.0f} ms for a year of them, and {FLEET_MS_MAX:.0f} ms for the fleet
page of {FLEET_CHARGERS:,} chargers: the first, with the sums of all and the worst hundred, and what a search finds.
`{verdict(found)}`
"""
