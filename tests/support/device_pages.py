"""This file writes the device templates into the reference pages; `make docs` runs it, a test compares."""

from isolane.devices.point import Point, Template
from isolane.devices.template import built_in, load_built_in
from isolane.health.sources.modbus.sunspec import Family, families
from support.tree import ROOT

OVERVIEW = ROOT / "docs/reference/devices.md"
REGISTERS = ROOT / "docs/reference/registers.md"

_TABLE = "| register | table | type | point | unit | scale | resolution | |\n|---|---|---|---|---|---|---|---|\n"
_BEGIN, _END = "<!-- templates: written by `make docs` -->\n", "<!-- end of templates -->\n"
_HEAD = """\
# Registers

What each template reads, and the page it came from. How a template is written: [devices.md](devices.md).
Addresses are those on the wire, counted from 0; with a SunSpec model they count from the model's id register. Value =
register x scale. Points marked *slow* are read less often.

*Source* is the document that the registers go back to. *Checked* names public pages whose registers were compared with
these; where sources did not agree, the point was left out. A template without such a page stands on one source: compare
its first readings with the device's display.

This page is written from the templates by `make docs`.
"""
_MODELS = """
## SunSpec models

What `sunspec` in a device's settings reads, by model, wherever the device has it. The source is the
[SunSpec Alliance's table of models](https://github.com/sunspec/models/tree/master/json), one file a model.
"""


def render_overview() -> str:
    """Give the page devices.md with its table of templates written anew."""
    text = OVERVIEW.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    rows = ["| template | device | wire | points | read by | second sources |\n|---|---|---|---:|---|---:|\n"]
    for kind in ("meter", "charger", "other"):
        rows += [_row(name, each) for name, each in _templates().items() if each.kind == kind]
    return f"{before}{_BEGIN}\n{''.join(rows)}\n{_END}{after}"


def _templates() -> dict[str, Template]:
    return {name: load_built_in(name) for name in built_in()}


def _row(name: str, template: Template) -> str:
    wire = " + ".join(each.upper() for each in template.speaks)
    tables = sorted({point.table or template.table for point in template.points})
    limit = f", at most {template.registers_max}" if template.registers_max < 125 else ""
    chain = ", SunSpec chain" if template.sunspec else ""
    device = f"[{template.maker} {template.model}](registers.md#{name})"
    held = f"{' and '.join(tables)}{limit}{chain}"
    return f"| `{name}` | {device} | {wire} | {len(template.points)} | {held} | {len(template.checked)} |\n"


def render_registers() -> str:
    """Give the page registers.md."""
    templates = "".join(_section(name, template) for name, template in _templates().items())
    return _HEAD + templates + _MODELS + "".join(map(_family, families()))


def _family(family: Family) -> str:
    numbers = ", ".join(map(str, family.models))
    lines = [f"\n### {numbers}\n\n"]
    if family.ports is not None:
        lines.append(f"Register {family.ports.count} says how many ports there are. ")
        lines.append(f"The first is shown; the next is {family.ports.words} registers on.\n\n")
    return "".join([*lines, _TABLE, *(_point(point, "holding", str(family.models[0])) for point in family.expanded(1))])


def _section(name: str, template: Template) -> str:
    lines = [f"\n## {name}\n\n{template.maker} {template.model}\n\n", f"- source: {_page(template)}\n"]
    lines += [f"- checked: <{page}>\n" for page in template.checked]
    if template.unit is not None or template.serial:
        factory = [f"unit {template.unit}"] if template.unit is not None else []
        lines.append(f"- factory setting: {', '.join([*factory, *([template.serial] if template.serial else [])])}\n")
    if template.word_order != "high-first":
        lines.append("- the low register of a value comes first\n")
    if template.note:
        lines.append(f"- note: {template.note}\n")
    lines += ["\n", _TABLE]
    lines += [_point(point, point.table or template.table, str(point.model or "")) for point in template.points]
    return "".join(lines)


def _page(template: Template) -> str:
    url = template.source.url
    local = url.removeprefix("docs/reference/")
    return f"{template.source.title}, <{url}>" if local == url else f"[{template.source.title}]({local})"


def _point(point: Point, table: str, model: str) -> str:
    place = f"{model}+{point.address}" if model else str(point.address)
    scale = f"{point.scale:g}" if point.scale_factor is None else f"10^[{point.scale_factor}]"
    slow = "slow" if point.poll == "slow" else ""
    cells = (place, table, point.type, f"`{point.key}`", point.unit, scale, f"{point.resolution:g}", slow)
    return f"| {' | '.join(cells)} |\n"


def write() -> None:
    """Write both pages."""
    OVERVIEW.write_text(render_overview(), encoding="utf-8")
    REGISTERS.write_text(render_registers(), encoding="utf-8")


if __name__ == "__main__":
    write()
