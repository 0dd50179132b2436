"""This file follows docs/guides/connect-a-meter.md; it guards that its commands do what the guide says."""

import asyncio
import re
import shlex
import sys
from pathlib import Path

from isolane.devices.template import load_built_in
from support.serial_pair import SerialPair
from support.sunspec_device import SunSpecDevice
from support.template_server import Served, image_of, serving, serving_serial
from support.tree import ROOT

_GUIDE = (ROOT / "docs/guides/connect-a-meter.md").read_text(encoding="utf-8")
_COMMANDS = re.findall(r"^isolane device .*$", "".join(re.findall(r"```sh\n(.*?)```", _GUIDE, re.DOTALL)), re.MULTILINE)
_DEADLINE_S = 100.0


async def isolane(command: str, folder: Path) -> tuple[int, str]:
    words = shlex.split(command)[1:]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isolane", *words, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode()


async def test_the_guide_leads_to_values(tmp_path: Path) -> None:
    acme = Served()
    acme.put("holding", 0, [2301, 1599, 5001, 0, 0, 1234])
    meter = image_of(load_built_in("eastron_sdm630"))
    inverter = Served()
    ports = dict.fromkeys(range(2, 70), 0) | {4: 2}  # model 714 says that it has two
    models = {701: (153, dict.fromkeys(range(2, 155), 0)), 714: (68, ports)}
    inverter.registers["holding"] |= SunSpecDevice(40_000, models).words
    pair = SerialPair()
    said = {}
    try:
        async with serving({1: acme, 2: meter, 126: inverter}) as address, serving_serial({2: meter}, pair.theirs):
            for command in _COMMANDS:
                there = command.replace("192.0.2.17", str(address)).replace("/dev/ttyUSB0", str(pair.ours))
                code, said[command] = await isolane(re.sub("1-32|1-8", "2,3", there), tmp_path)
                assert code == 0, command
    finally:
        pair.pull()
    assert len(said) == 8
    scans = [text for command, text in said.items() if " scan " in command]
    assert len(scans) == 2
    assert all("unit 2:" in text and "isolane device read eastron_sdm630" in text for text in scans)
    reads = [text for command, text in said.items() if " read " in command]
    assert all("GOOD" in text and "BAD" not in text for text in reads)
    assert (tmp_path / "acme_em3.toml").exists()
