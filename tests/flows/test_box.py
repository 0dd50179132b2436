"""This file runs the shipped service units under a real systemd and has an intruder in the health process try doors.

The same attempts are made without the sandbox first: what is not possible there would prove nothing. Where the machine
lets nobody start a system of services, as in most containers, the test is skipped; `make attack ARGS="--family PH"` is
an error there.
"""

import asyncio
from pathlib import Path

import pytest
from bench.attack.box import attempts
from bench.attack.box.ground import Box, box, why_not

from support.circles import Circle

_LACK = why_not()


async def _page_of_the_tap(running: Box) -> str:
    await running.run("systemctl", "start", "isolane-tap-metrics.socket")
    return await running.page("http://127.0.0.1:9102/metrics")


_CENTER = "CENTER=https://center.example.org\n"


async def _sign(running: Box) -> None:
    """Have a person's signer on the box too, as its page says."""
    home = "/var/lib/isolane-signer-ann"
    await running.run("useradd", "--no-create-home", "ann")
    await running.run("install", "-d", "-o", "ann", "-m", "700", home)
    await running.run("cp", "/etc/isolane/units/signer.env", "/etc/isolane/signer.env")
    for name in ("key.pem", "key.pem.pub", "token", "keys.jws"):
        await running.run("install", "-o", "ann", "-m", "600", f"/etc/isolane/units/{name}", f"{home}/{name}")
    await running.start("isolane-signer@ann")
    assert "127.0.0.1:8790/enter?code=" in await running.run("cat", "/var/lib/isolane-signer-ann/page")
    assert "code=" not in running.log("isolane-signer@ann")
    as_another = ("setpriv", "--reuid=isolane-health", "--regid=isolane-health", "--clear-groups")
    said = await running.run(*as_another, "cat", "/var/lib/isolane-signer-ann/page", fine=(1,))
    assert "Permission denied" in said


async def _take_back(running: Box) -> None:
    """Have the power gone while a version was on trial that does not even exist: the unit takes it back."""
    await running.run("ln", "-s", "versions/1", "/opt/isolane/trial")
    await running.run("ln", "-sfn", "versions/2", "/opt/isolane/current")
    await running.run("systemctl", "start", "isolane-update")
    assert (await running.run("readlink", "/opt/isolane/current")).strip() == "versions/1"
    await running.run("test", "-L", "/opt/isolane/trial", fine=(1,))
    await running.run("systemctl", "start", "isolane-update")
    assert (await running.run("systemctl", "is-failed", "isolane-update", fine=(1,))).strip() == "inactive"


_BROKER = """[Service]
ExecStart=/bin/sh -c 'trap "echo reloaded >&2" HUP; echo is ready now >&2; while :; do sleep 0.1; done'
"""


async def _said(running: Box, unit: str, words: str) -> None:
    async with asyncio.timeout(20):
        while words not in running.log(unit):
            await asyncio.sleep(0.05)


async def _read_again(running: Box) -> None:
    """Have the broker's list and the relay's leg changed, by who may: both are read again."""
    await running.start("mosquitto")
    await running.run("install", "-d", "-o", "isolane-center", "/var/lib/isolane-center/pki")
    await running.run("install", "-d", "-o", "isolane-value", "/var/lib/isolane-value/leg")
    await running.run("systemctl", "start", "isolane-broker-lists.path", "isolane-value-leg.path")
    assert "reloaded" not in running.log("mosquitto") + running.log("isolane-value")
    lists = "/var/lib/isolane-center/pki"
    as_center = ("setpriv", "--reuid=isolane-center", "--regid=isolane-center", "--clear-groups", "/bin/sh", "-c")
    await running.run(*as_center, f"echo list >{lists}/.new; mv {lists}/.new {lists}/revoked.pem")
    await _said(running, "mosquitto", "reloaded")
    as_value = ("setpriv", "--reuid=isolane-value", "--regid=isolane-value", "--clear-groups", "/bin/sh", "-c")
    await running.run(*as_value, "cd /var/lib/isolane-value/leg; ln -s 2 new; mv -T new current")
    await _said(running, "isolane-value", " reloaded parts=")
    await running.run("systemctl", "start", "isolane-renew@health", fine=(1,))
    assert "nothing is to be renewed" in running.log("isolane-renew@health")


def _signers_files(folder: Path) -> dict[str, str]:
    circle = Circle(folder)
    files = {"key.pem": folder / "ann.pem", "key.pem.pub": folder / "ann.pem.pub", "keys.jws": circle.keys}
    texts = {name: path.read_text(encoding="ascii") for name, path in files.items()}
    return {**texts, "token": "isolane-token\n", "signer.env": _CENTER}


@pytest.mark.skipif(bool(_LACK), reason=f"the box needs {_LACK}")
@pytest.mark.timeout(180)
async def test_who_has_taken_the_health_process_over_reaches_nothing_of_channel_a(tmp_path: Path) -> None:
    units = attempts.units() | {"mosquitto.service": _BROKER}
    async with box(units | _signers_files(tmp_path)) as running:
        await _take_back(running)
        for name in ("health", "tap", "value"):
            await running.start(f"isolane-{name}")
        assert (
            attempts.wrong(
                await attempts.got(running, attempts.CONTROL), await attempts.got(running, attempts.INTRUDER)
            )
            == []
        )
        assert await attempts.wrong_processes(running) == []
        await _sign(running)
        await _read_again(running)
        await running.start("isolane-center")
        assert "isolane_tap_copies_total" in await _page_of_the_tap(running)
        for name in ("health", "tap", "value"):
            assert (await running.run("systemctl", "is-active", f"isolane-{name}")).strip() == "active"
            assert await running.run("systemctl", "show", "--property=NRestarts", "--value", f"isolane-{name}") == "0\n"
    with pytest.raises(RuntimeError, match="nsenter"):
        await running.run("true")
