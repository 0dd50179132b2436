"""This file decodes frames by DBC rows written for it; it guards that byte order and sign are the file's."""

from pathlib import Path

import pytest

from isolane.core.samples import Reason
from isolane.health.sources.can.decode import values_of
from isolane.health.sources.can.plan import plan_points
from isolane.health.sources.can.settings import CanPointSettings, CanSettings

FRAME = bytes.fromhex("1234 fffe 80 000000")


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ('0|16@1+ (1,0) [-70000|70000] ""', 0x3412),
        ('7|16@0+ (1,0) [-70000|70000] ""', 0x1234),
        ('16|16@1- (1,0) [-70000|70000] ""', -257),
        ('23|16@0- (1,0) [-70000|70000] ""', -2),
        ('39|8@0+ (0.5,-40) [-70000|70000] ""', 24.0),
        ('3|12@0+ (1,0) [-70000|70000] ""', 0x234),
        ('7|16@0+ (1,0) [0|100] ""', Reason.OUT_OF_RANGE),
    ],
)
def test_the_order_of_bytes_is_the_files(row: str, value: float | Reason, tmp_path: Path) -> None:
    dbc = tmp_path / "one.dbc"
    dbc.write_text(f'VERSION ""\nNS_ :\nBS_:\nBU_: A\nBO_ 256 M: 8 A\n SG_ S : {row} A\n', encoding="utf-8")
    point = CanPointSettings(key="0.0/xPack/xValue", message="M", signal="S")
    (planned,) = plan_points(CanSettings(name="c", channel="x", dbc=dbc, points=(point,)))
    assert values_of(planned, FRAME) == value
