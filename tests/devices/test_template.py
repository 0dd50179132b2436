"""This file tests templates, ours and broken ones; it guards that a wrong template says what is wrong and where."""

from pathlib import Path

import msgspec
import pytest

from isolane.core.failures import IsolaneError
from isolane.devices.point import Mark, Point, Template
from isolane.devices.template import built_in, load_built_in, load_file, parse

SOUND = """
maker = "Acme"
model = "One"
points = [{ key = "EVSE/Power", address = 1, type = "u16", unit = "W", resolution = 1 }]
[source]
title = "Manual"
url = "https://example.org"
"""


def test_there_are_templates_for_common_equipment() -> None:
    templates = [load_built_in(name) for name in built_in()]
    assert len([each for each in templates if each.kind == "meter"]) >= 20
    assert len([each for each in templates if each.kind == "charger"]) >= 12
    assert not [name for name in built_in() if load_built_in(name).kind == "other"]


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_template_is_complete(name: str) -> None:
    template = load_built_in(name)
    assert template.source.title
    pages = (template.source.url, *template.checked)
    assert all(page.startswith(("https://", "docs/")) for page in pages)
    assert len(set(pages)) == len(pages), "a page that is named twice is not a second opinion"
    assert all(point.range is not None for point in template.points)
    exact = [each for each in template.points if each.type[0] in "ui" and each.scale_factor is None]
    assert all(point.resolution >= point.scale for point in exact), "a register step finer than the resolution"


@pytest.mark.parametrize("name", built_in())
def test_no_two_points_share_a_register(name: str) -> None:
    template = load_built_in(name)
    owners: dict[tuple[str, int | None, int], str] = {}
    for point in template.points:
        for address in range(point.address, point.address + point.words):
            place = (point.table or template.table, point.model, address)
            assert owners.setdefault(place, point.key) == point.key, place


@pytest.mark.parametrize("name", built_in())
def test_what_a_template_needs_can_be_asked_within_its_limits(name: str) -> None:
    template = load_built_in(name)
    assert all(point.words <= template.registers_max for point in template.points)
    assert all(each.size <= template.registers_max for each in template.marks)
    assert template.hole_max < template.registers_max


def test_the_dc_charger_template_is_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/dc-charger-map.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| 1")]
    rows += [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| 2")]
    told = {(int(row[0]), row[2].strip("`"), row[3], float(row[4]), float(row[5])) for row in rows if "/" in row[2]}
    template = load_built_in("isolane_dc150")
    ours = {
        (
            point.address,
            f"{'0.0' if point.scope == 'station' else '1.0'}/{point.key}",
            point.unit,
            point.scale,
            point.resolution,
        )
        for point in template.points
    }
    assert ours == told


def test_a_sound_template_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(SOUND, encoding="utf-8")
    assert load_file(file).points[0].words == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("resolution = 1", "resolutoin = 1", r"points\[0\]: unknown key 'resolutoin'. Did you mean 'resolution'"),
        ("resolution = 1", "resolution = 0", r"points\[0\].resolution: Expected `float` > 0"),
        ("maker =", "maxer =", "unknown key 'maxer'. Did you mean 'maker'"),
        ("title =", "titel =", "source: unknown key 'titel'. Did you mean 'title'"),
        ('"u16"', '"u17"', r"points\[0\].type: Invalid enum value 'u17'"),
        ('unit = "W"', 'unit = "kW"', "EVSE/Power at 1: the unit 'kW' is none of"),
        ("EVSE/Power", "EVSE.Power", "the key is not <Component>/<Variable>"),
        ("address = 1", "address = 70000", "Expected `int` <= 65535"),
        ("address = 1", "address = 65535, scale = 0", "scale and resolution must be finite"),
        ('address = 1, type = "u16"', 'address = 65535, type = "u32"', "behind the last register"),
        ("resolution = 1", "resolution = 1, range = [5, 5]", "the range does not rise"),
        ("resolution = 1", 'resolution = 1, table = "coil"', "the type bit belongs to coil"),
        ("resolution = 1", "resolution = 1, model = 203", "not in the list sunspec.models"),
        ("resolution = 1", "resolution = 1, scale_factor = 3", "a scale factor belongs to"),
        ("resolution = 1", "resolution = 1, port = 2", "a port belongs to a point of a SunSpec model"),
        ("resolution = 1", "resolution = 1, mask = 0x10000", "a mask belongs to an unsigned type"),
        ("resolution = 1", "resolution = 1, map = { on = 1 }", "its names are integers"),
        ("maker =", "registers_max = 3\nidentity = [{ name = 's', address = 0, words = 4 }]\nmaker =", "registers_max"),
        (
            "points = [",
            'points = [{ key = "EVSE/Power", address = 0, type = "u16", resolution = 1 }, ',
            "stands there twice",
        ),
        ("[source]", "[source", "is not valid TOML"),
        ("[source]", "[[marks]]\naddress = 1\n[source]", "mark at 1: it needs either"),
        ("[source]", "[[marks]]\naddress = 1\ntype = 'u16'\nrange = [2, 1]\n[source]", "the range falls"),
        ("[source]", "[[marks]]\naddress = 65535\nwords = 2\ntext = 'x'\n[source]", "behind the last register"),
        ("[source]", "[[marks]]\naddress = 1\nwords = 2\ntext = 'x'\ntable = 'coil'\n[source]", "not in registers"),
        ("[source]", "[[marks]]\naddres = 1\n[source]", "unknown key 'addres'. Did you mean 'address'"),
        ("maker =", "serial = '9600'\nmaker =", "serial: Expected `str` matching"),
    ],
)
def test_a_broken_template_says_what_is_wrong(old: str, new: str, says: str) -> None:
    with pytest.raises(IsolaneError, match=rf"(?i)^device template x.toml.*{says}"):
        parse(SOUND.replace(old, new), "x.toml")


def test_a_name_that_is_none_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="did you mean 'eastron_sdm630'"):
        load_built_in("eastron_sdm360")
    with pytest.raises(IsolaneError, match="cannot read the device template"):
        load_file(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"maker = '\xe9'")
    with pytest.raises(IsolaneError, match="is not UTF-8"):
        load_file(tmp_path / "latin.toml")


def test_the_page_explains_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/devices.md").read_text(encoding="utf-8")
    for kind in (Template, Point, Mark):
        assert all(f"`{field.encode_name}`" in page for field in msgspec.structs.fields(kind))


def test_a_bender_controller_without_a_meter_gives_no_number() -> None:
    template = load_built_in("mennekes_amtron_ecu")
    wide = [point for point in template.points if point.type == "u32"]
    assert len(wide) == 15
    assert all(point.absent == (0xFFFFFFFF,) for point in wide)
