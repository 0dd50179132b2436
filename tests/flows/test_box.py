"""This file runs the shipped service units under a real systemd and has an intruder in the health process try doors.

The same attempts are made without the sandbox first: what is not possible there would prove nothing.
"""

import pytest
from bench.attack.box import attempts
from bench.attack.box.ground import Box, box


async def _page_of_the_tap(running: Box) -> str:
    await running.run("systemctl", "start", "isolane-tap-metrics.socket")
    return await running.run("curl", "--silent", "--max-time", "20", "http://127.0.0.1:9102/metrics")


@pytest.mark.timeout(180)
async def test_who_has_taken_the_health_process_over_reaches_nothing_of_channel_a() -> None:
    async with box(attempts.units()) as running:
        for name in ("health", "tap", "value"):
            await running.start(f"isolane-{name}")
        assert (
            attempts.wrong(
                await attempts.got(running, attempts.CONTROL), await attempts.got(running, attempts.INTRUDER)
            )
            == []
        )
        assert await attempts.wrong_processes(running) == []
        assert "isolane_tap_copies_total" in await _page_of_the_tap(running)
        for name in ("health", "tap", "value"):
            assert (await running.run("systemctl", "is-active", f"isolane-{name}")).strip() == "active"
            assert await running.run("systemctl", "show", "--property=NRestarts", "--value", f"isolane-{name}") == "0\n"
    with pytest.raises(RuntimeError, match="nsenter"):
        await running.run("true")
