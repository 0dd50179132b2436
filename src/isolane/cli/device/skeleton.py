"""This file is `isolane device new`; it guards that what it writes loads as it is."""

import argparse
import re
from importlib import resources

from isolane.core.failures import IsolaneError
from isolane.devices.template import built_in, parse

_NAME = re.compile(r"[a-z0-9]+_[a-z0-9_]+")


def write_new(options: argparse.Namespace) -> int:
    """Write a template that a person fills in."""
    name = options.template
    if not _NAME.fullmatch(name):
        raise IsolaneError(f"{name!r} cannot be a template's name", "write <maker>_<model> in small letters and digits")
    if name in built_in():
        raise IsolaneError(f"there is a template {name!r} already", f"see it with: isolane device show {name}")
    file = options.dir / f"{name}.toml"
    maker, _, model = name.partition("_")
    text = resources.files("isolane.cli").joinpath("templates/device.toml").read_text(encoding="utf-8")
    text = text.replace("@maker@", maker.capitalize()).replace("@model@", model.replace("_", " ").upper())
    parse(text, str(file))
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise IsolaneError(f"{file} is there already", "choose another name, or move it away") from None
    except OSError as error:
        raise IsolaneError(f"cannot write {file}: {error.strerror}", "check the folder") from error
    print(f"{file}: replace its points by yours, then try: isolane device read {file} HOST")
    return 0
