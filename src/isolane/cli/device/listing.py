"""This file shows templates; it guards that a person sees what is read, in which unit, and who says so."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from isolane.core.failures import IsolaneError
from isolane.devices.point import Point, Template
from isolane.devices.template import built_in, load_built_in, load_file

_SUNSPEC = "sunspec:"


def load(name: str, ports: int = 1) -> Template:
    """Load a built-in template, a file if the name is one, or what SunSpec models make.

    Args:
        name: Of the template, or its file, or `sunspec:` and model numbers.
        ports: Of SunSpec models that have them.

    Raises:
        IsolaneError: There is none of that name, or it is wrong.
    """
    if models := sunspec_models(name):
        from isolane.health.sources.modbus.sunspec import template_of

        return template_of(models, ports)
    return load_file(Path(name)) if is_file(name) else load_built_in(name)


def sunspec_models(name: str) -> tuple[int, ...]:
    """Give the models that a name like `sunspec:701,714` lists; none for the name of a template.

    Raises:
        IsolaneError: It lists something else than numbers.
    """
    if not name.startswith(_SUNSPEC):
        return ()
    numbers = name.removeprefix(_SUNSPEC).split(",")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise IsolaneError(f"{name!r} is not understood", "write model numbers, for example sunspec:701,714")
    return tuple(map(int, numbers))


def is_file(name: str) -> bool:
    """Tell whether a template is named by its file."""
    return name.endswith(".toml") or "/" in name


def show_all(options: argparse.Namespace) -> int:
    """List the templates."""
    templates = {name: load_built_in(name) for name in built_in()}
    if options.json:
        print(json.dumps([_brief(name, each) for name, each in templates.items()], indent=2))
        return 0
    rows = [
        (name, each.kind, each.maker, each.model, wires(each), str(len(each.points)))
        for name, each in sorted(templates.items(), key=lambda item: (item[1].kind, item[0]))
    ]
    print(table(("template", "kind", "maker", "model", "wire", "points"), rows))
    return 0


def show_one(options: argparse.Namespace) -> int:
    """Show one template."""
    template = load(options.template, options.ports)
    if options.json:
        print(json.dumps({"template": options.template, **msgspec.to_builtins(template)}, indent=2))
        return 0
    print(f"{template.maker} {template.model} ({template.kind}), {wires(template)}")
    print(f"source:  {template.source.title}\n         {template.source.url}")
    for index, page in enumerate(template.checked):
        print(f"{'checked: ' if index == 0 else '         '}{page}")
    print(f"polling: at most {template.registers_max} registers a request, holes of {template.hole_max} are read along")
    if template.unit is not None or template.serial:
        unit = "" if template.unit is None else f"unit {template.unit}"
        print(f"factory: {', '.join(each for each in (unit, template.serial) if each)}")
    if template.note:
        print(f"note:    {template.note}")
    print()
    rows = [_row(point, template) for point in template.points]
    print(table(("register", "table", "type", "point", "unit", "scale", "resolution", "poll"), rows))
    return 0


def wires(template: Template) -> str:
    """Give the wires that a device has itself, in words."""
    return " and ".join({"tcp": "Modbus TCP", "rtu": "Modbus RTU"}[wire] for wire in template.speaks)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


def place_of(point: Point) -> str:
    """Give a point's register, with its SunSpec model if it has one."""
    return str(point.address) if point.model is None else f"{point.model}+{point.address}"


def _row(point: Point, template: Template) -> tuple[str, ...]:
    table_ = point.table or template.table
    scale = f"{point.scale:g}" if point.scale_factor is None else f"10^[{point.scale_factor}]"
    return (place_of(point), table_, point.type, point.key, point.unit, scale, f"{point.resolution:g}", point.poll)


def _brief(name: str, template: Template) -> dict[str, Any]:
    return {
        "template": name,
        "kind": template.kind,
        "maker": template.maker,
        "model": template.model,
        "protocol": "modbus",
        "speaks": list(template.speaks),
        "points": len(template.points),
        "source": template.source.url,
        "checked": len(template.checked),
    }
