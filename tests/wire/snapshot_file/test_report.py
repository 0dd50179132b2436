"""This file reads reports of good, cut and hostile snapshots; it guards that they tell what was before the trigger."""

import io
import json
import random
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
import zstandard
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk
from mcap.writer import CompressionType, Writer

from isolane.wire.snapshot_file.anatomy import dissect
from isolane.wire.snapshot_file.content import Line, content
from isolane.wire.snapshot_file.manifest import CLOCK, HEAD, TRIGGER, check
from isolane.wire.snapshot_file.plot import Axis, course
from isolane.wire.snapshot_file.report import document
from isolane.wire.snapshot_file.standouts import worst_first
from support.black_boxes import ACTIVE, CURRENT, LOAD_A, Plant, settings

HOSTILE = '"><script>alert(1)</script>\u202e<img src=x onerror=alert(2)>'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Gives a snapshot of a contactor that opened under load."""
    plant = Plant(tmp_path_factory.mktemp("snapshot"), settings(before_s=40, after_s=20))
    plant.run(40)
    plant.is_closed, plant.is_bursting = False, True
    plant.run(30)
    return plant.files()[0].read_bytes()


class Seen(HTMLParser):
    """Counts tags and hears what could be run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.odd: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.odd += [name for name, _ in attrs if name.startswith("on") or name == "src"]


def test_the_report_shows_what_was_before_the_trigger(made: bytes) -> None:
    verdict = check(made)
    told = content(verdict.anatomy)
    assert told.unread == 0
    (line,) = [line for line in told.lines if line.key == CURRENT]
    assert verdict.manifest is not None
    at_ms = verdict.manifest.triggers[0].t_ms
    assert (line.values[line.t_ms < at_ms] >= LOAD_A).all()
    assert (line.values[line.t_ms >= at_ms] == 0).all()
    assert {line.step_ms for line in told.lines} == {100, 1000}
    assert {one.kind for one in told.happenings} == {"ocpp", "state", "log"}
    worst = worst_first(told.lines, at_ms)
    assert worst[0].line.key == CURRENT
    assert [each.line.key for each in worst if each.off_sd > 0.9][:2] == [CURRENT, ACTIVE]
    page = document(verdict, told)
    seen = Seen(page)
    assert "script" not in seen.tags
    assert seen.tags.count("svg") == 1 + len(told.lines)
    assert page.count('class="mark"') == seen.tags.count("svg")
    assert page.index(f"<figcaption>CP-1 {CURRENT}, A") < page.index(f"<figcaption>CP-1 {ACTIVE}")
    for text in ("contactor-under-load", "The file is whole.", "There is no signature.", "Charging", "prefers-color"):
        assert text in page


def test_of_a_cut_file_what_is_readable_is_told(made: bytes) -> None:
    page = document(check(made[: dissect(made).chunks[-1].at + 9]))
    assert "The file has no end" in page
    assert "contactor-under-load" in page
    assert f"<figcaption>CP-1 {CURRENT}, A" in page
    nothing = document(check(made[:40]))
    assert "<svg" in nothing


def test_what_tries_to_be_markup_is_shown_as_it_is() -> None:
    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.ZSTD)
    writer.start("x", "y")
    writer.add_metadata(HEAD, {"charger": HOSTILE, "device.vendor": HOSTILE, "site": HOSTILE, "software.x": HOSTILE})
    trigger = {"kind": HOSTILE, "charger": HOSTILE, "level": "3", "what": HOSTILE, "value": HOSTILE}
    writer.add_metadata(TRIGGER, {**trigger, "t_ms": "1000000"})
    writer.add_metadata(TRIGGER, {**trigger, "t_ms": "-9" + "0" * 15})
    writer.add_metadata(CLOCK, {HOSTILE: HOSTILE})
    row = {"properties": {HOSTILE: {"unit": HOSTILE}, "broken": 3}}
    schema = writer.register_schema(HOSTILE, "jsonschema", json.dumps(row).encode())
    rows = writer.register_channel("/health/" + HOSTILE, "json", schema, {"charger": HOSTILE, "step_ms": "x"})
    plain = writer.register_channel("/" + HOSTILE, "json", schema)
    log = writer.register_channel("/log", "json", schema)
    odd = [{HOSTILE: at * 1.5, "huge": "1e400", "quality": {HOSTILE: HOSTILE}, "t": True} for at in range(9)]
    for at, body in enumerate([*odd, [], {"quality": 3}, {HOSTILE: 1e308}, {HOSTILE: -1e308}]):
        writer.add_message(rows, at * 10**9, json.dumps(body).encode(), 0)
        writer.add_message(plain, at * 10**9, json.dumps({"type": HOSTILE, "a": [HOSTILE]}).encode(), 0)
        writer.add_message(log, (1 << 64) - 1 - at, json.dumps({"level": [], "message": HOSTILE}).encode(), 0)
    writer.finish()  # type: ignore[no-untyped-call]
    page = document(check(out.getvalue()))
    seen = Seen(page)
    assert {"script", "img"}.isdisjoint(seen.tags)
    assert not seen.odd
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"(\d+) messages could not be read", page) == ["1"]
    assert not re.search(r'd="[^"]*(nan|inf)', page)


def _packed(chunk: Chunk, opened: bytes, size: int = 0) -> bytes:
    out = RecordBuilder()
    packed = zstandard.compress(opened)
    Chunk(
        compression="zstd",
        data=packed,
        message_end_time=chunk.message_end_time,
        message_start_time=chunk.message_start_time,
        uncompressed_crc=zlib.crc32(opened),
        uncompressed_size=size or len(opened),
    ).write(out)
    return bytes(out.end())  # type: ignore[no-untyped-call]


def test_whatever_stands_in_a_chunk_nothing_but_value_error_is_raised(made: bytes) -> None:
    chance, whole = random.Random(5), dissect(made)
    part = min(whole.chunks, key=lambda one: one.length)
    opened = zstandard.decompress(part.chunk.data)
    for _ in range(60):
        changed = bytearray(opened)
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 3, 4, 5, 22, 127, 255))
        if changed == opened:
            continue
        data = made[: part.at] + _packed(part.chunk, bytes(changed)) + made[part.at + part.length :]
        try:
            verdict = check(data)
        except ValueError:
            continue
        assert verdict.faults
        document(verdict)


def test_a_chunk_that_opens_to_more_than_it_says_is_damaged_and_a_file_to_more_than_it_may_refused(made: bytes) -> None:
    part = dissect(made).chunks[0]
    data = made[: part.at] + _packed(part.chunk, bytes(64 << 20), 100)
    assert dissect(data).damaged == [part.at]
    with pytest.raises(ValueError, match="opens to more than 1000 bytes"):
        check(made, None, 1000)


def test_long_lines_keep_their_peaks_and_gaps() -> None:
    t_ms = np.arange(100_000, dtype=np.int64)
    values = np.zeros(t_ms.size)
    values[70_000] = 5.0
    values[20_000:30_000] = np.nan
    picture = course(Line("CP-1", "a/b", "V", 1, t_ms, values, {}), Axis(0, 100_000, [50_000]))
    assert len(picture) < 40_000
    assert picture.count('class="line"') == 2
    assert ",8.0" in picture, "the peak is at the top"
