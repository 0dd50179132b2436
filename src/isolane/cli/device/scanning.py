"""This file is `isolane device scan`; it guards that a person learns why a template fits, and what was left out."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isolane.cli.device.place import place_of, timeout_s, units_of
from isolane.cli.options import extra
from isolane.devices.point import Template
from isolane.devices.template import built_in, load_built_in, load_file

if TYPE_CHECKING:
    from isolane.health.sources.discovery.scan import Found, Report

_ALL_UNITS = "1-247"
_ALL_TCP_UNITS = "1,255,2-247"
"""Devices with Ethernet of their own often answer to 255, which a bus does not have."""


def scan_place(options: argparse.Namespace) -> int:
    """Find devices; 1 if there are none."""
    with extra("health"):
        from isolane.health.sources.discovery import scan, wire

    place, units = place_of(options), units_of(options.units or (_ALL_UNITS if options.serial else _ALL_TCP_UNITS))
    templates = {name: load_built_in(name) for name in built_in()}
    templates |= {str(file): load_file(file) for file in options.template_file}

    async def go() -> "Report":
        async with wire.Wire(place, timeout_s(options), options.framing) as opened:
            tell = _progress(len(units)) if sys.stderr.isatty() else _quiet
            return await scan.scan(opened, units, templates, options.seconds, tell)

    report = asyncio.run(go())
    if options.json:
        print(json.dumps(_as_data(report), indent=2))
    else:
        _print(report, str(options.serial or options.host), templates)
    return 0 if report.found else 1


def _quiet(_unit: int) -> None:
    pass


def _progress(count: int) -> Callable[[int], None]:
    done = 0

    def tell(unit: int) -> None:
        nonlocal done
        done += 1
        print(f"\runit {unit} ({done} of {count}) ", end="", file=sys.stderr, flush=True)

    return tell


def _as_data(report: "Report") -> dict[str, Any]:
    return {
        "found": [
            {
                "unit": each.unit,
                "texts": dict(each.texts),
                "sunspec_models": list(each.sunspec_models),
                "candidates": [
                    {"template": fit.template, "score": fit.score, "reasons": fit.reasons} for fit in each.candidates
                ],
            }
            for each in report.found
        ],
        "any_unit": report.any_unit,
        "silent": report.silent,
        "left": report.left,
    }


def _print(report: "Report", where: str, templates: Mapping[str, Template]) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for found in report.found:
        _print_found(found, where, templates)
    if not report.found:
        print(f"no unit answered at {where}; {len(report.silent)} were asked")
        print("check wiring (A and B may be swapped), speed and parity, and the device's unit id")
    if report.any_unit:
        print("this server answers whatever unit it is asked; only the first was looked at")
    if report.left:
        print(f"the time ended: {len(report.left)} units were not looked at, from {report.left[0]} on (see --seconds)")


def _print_found(found: "Found", where: str, templates: Mapping[str, Template]) -> None:
    texts = ", ".join(f"{name} {text}" for name, text in found.texts.items())
    print(f"unit {found.unit}: {texts or 'answers, and does not name itself'}")
    if found.sunspec_models:
        print(f"  SunSpec models {', '.join(map(str, found.sunspec_models))}")
    for fit in found.candidates:
        template = templates[fit.template]
        print(f"  {fit.score:3d}  {fit.template}  ({template.maker} {template.model})")
        print(f"       {'; '.join(fit.reasons)}")
    models = _readable(found.sunspec_models)
    if models:
        print(f"  look: isolane device read sunspec:{','.join(map(str, models))} {where} --unit {found.unit}")
    if not found.candidates and not models:
        print("  no template fits; `isolane device new` begins one")
    if found.candidates:
        best = found.candidates[0]
        if templates[best.template].note:
            print(f"       note: {templates[best.template].note}")
        print(f"  look: isolane device read {best.template} {where} --unit {found.unit}")


def _readable(models: Sequence[int]) -> tuple[int, ...]:
    from isolane.health.sources.modbus.sunspec import readable

    return readable(models)
