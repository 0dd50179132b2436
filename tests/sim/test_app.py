"""This file runs chargers against the CSMS over real sockets; it guards that bills are exact on bad networks."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
import trustme

from isolane.core.failures import IsolaneError
from isolane.sim.app import run_chargers, run_csms
from isolane.sim.billing import Comparison, compare, metered
from isolane.sim.chargers.journal import JournalLine
from isolane.sim.csms.central import CentralSystem, Policy
from isolane.sim.csms.ledger import Ledger
from isolane.sim.records import read_records
from isolane.sim.scenario import CsmsSettings, FaultPlan, Scenario
from isolane.sim.status import ChargersStatus, CsmsStatus

WaitUntil = Callable[[Callable[[], bool]], Awaitable[None]]
MakeScenario = Callable[..., Scenario]


class Cuttable(Protocol):
    """The wire of conftest.py."""

    swallow: Callable[[], bool]

    @property
    def url(self) -> str: ...

    def cut(self) -> None: ...


@asynccontextmanager
async def running(scenario: Scenario) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_chargers(scenario, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def bills(scenario: Scenario, central: CentralSystem) -> Comparison:
    return compare(metered(read_records(scenario.journal_path, JournalLine)), central.ledger)


def open_bills(central: CentralSystem) -> int:
    return sum(bill.stop_wh is None for bill in central.ledger)


@pytest.mark.parametrize("kind", ["ac22", "dc150"])
async def test_bills_are_exact_though_the_connection_is_cut_in_transactions(
    kind: str, central: CentralSystem, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", kind)
    charger = scenario.chargers[0].id
    async with running(scenario):
        for cuts in range(3):
            await wait_until(lambda: open_bills(central) > 0 and charger in central.connected)
            central.abort(charger)
            await wait_until(lambda least=cuts + 2: central.connects >= least)  # type: ignore[misc]
        closed = len(central.ledger)
        await wait_until(lambda: len(central.ledger) > closed)
    found = bills(scenario, central)
    assert found.exact
    assert len(found.matched) > closed - 1
    assert not found.open
    assert found.billed_wh == found.metered_wh > 0


@pytest.mark.parametrize("kind", ["ac22", "dc150"])
async def test_a_start_whose_answer_was_lost_is_billed_once(
    kind: str,
    central: CentralSystem,
    wire: Cuttable,
    quick_scenario: MakeScenario,
    wait_until: WaitUntil,
) -> None:
    scenario = quick_scenario(wire.url, kind)
    async with running(scenario):
        # The ledger is written before the answer leaves, so the first answer that is lost is the one to the start.
        wire.swallow = lambda: len(central.ledger) > 0
        await wait_until(lambda: len(central.ledger) > 0)
        wire.cut()
        wire.swallow = lambda: False
        await wait_until(lambda: central.ledger.repeats > 0)
        await wait_until(lambda: open_bills(central) == 0)
    found = bills(scenario, central)
    assert found.exact
    assert central.ledger.repeats > 0


async def test_transactions_made_offline_are_billed_when_the_csms_comes(
    tmp_path: Path, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    probe = CentralSystem(ledger, Policy())
    await probe.start("127.0.0.1", 0)
    port = probe.port
    await probe.stop()
    scenario = quick_scenario(f"ws://127.0.0.1:{port}/ocpp", "ac22", "dc150")
    central = CentralSystem(ledger, Policy())
    async with running(scenario):
        await wait_until(lambda: _stopped(scenario) >= 2)
        await central.start("127.0.0.1", port)
        await wait_until(lambda: len(ledger) >= 3)
    found = bills(scenario, central)
    await central.stop()
    ledger.close()
    assert found.exact
    assert len(found.matched) >= 3


@pytest.mark.parametrize("kind", ["ac22", "dc150"])
async def test_a_hot_contact_is_told_to_the_csms(
    kind: str, central: CentralSystem, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    fault = FaultPlan(kind="conn_gain", level=30.0)
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", kind, faults=(fault,))
    plans = tuple(msgspec.structs.replace(plan, energy_scale=1.0) for plan in scenario.chargers)
    async with running(msgspec.structs.replace(scenario, speed=600.0, chargers=plans)):
        await wait_until(lambda: central.problems.get(scenario.chargers[0].id, False))
    assert bills(scenario, central).exact


async def test_sigterm_ends_what_runs_and_bills_it(
    central: CentralSystem, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", "ac22", "dc150")
    path = scenario.journal_path.with_name("scenario.toml")
    chargers = "".join(
        f'[[chargers]]\nid = "{plan.id}"\nkind = "{plan.kind}"\nurl = "{plan.url}"\ngap_s = 1\n'
        for plan in scenario.chargers
    )
    path.write_text(f'journal_path = "journal.jsonl"\nspeed = 60\n{chargers}', encoding="utf-8")
    program = (
        "import asyncio, logging, pathlib, sys\n"
        "from isolane.sim.app import run_chargers\n"
        "from isolane.sim.scenario import load_scenario\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "asyncio.run(run_chargers(load_scenario(pathlib.Path(sys.argv[1]))))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, str(path), stderr=asyncio.subprocess.PIPE
    )
    try:
        await wait_until(lambda: open_bills(central) == 2)
        process.terminate()
        _, log = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert b"ready chargers=2" in log
    assert b"stopped unanswered=0" in log
    found = bills(scenario, central)
    assert found.exact
    assert len(found.matched) >= 2
    assert not found.open


async def test_over_tls_with_password_and_client_certificate(
    tmp_path: Path, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("127.0.0.1", "dc150-0"):
        leaf = ca.issue_cert(name)
        leaf.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(tmp_path / f"{name}.pem", append=True)
    (tmp_path / "password").write_text("correct horse battery\n", encoding="utf-8")
    settings = CsmsSettings(
        ledger_path=tmp_path / "ledger.jsonl",
        status_path=tmp_path / "csms.json",
        port=0,
        certificate_path=tmp_path / "127.0.0.1.pem",
        key_path=tmp_path / "127.0.0.1.key",
        client_ca_path=tmp_path / "ca.pem",
        password_paths={"dc150-0": tmp_path / "password"},
    )
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    logging.getLogger("isolane.sim.app").addHandler(handler := _PortHandler(port))
    logging.getLogger("isolane.sim.app").setLevel(logging.INFO)
    csms = asyncio.create_task(run_csms(settings, stop))
    try:
        scenario = quick_scenario(
            f"wss://127.0.0.1:{await port}/ocpp",
            "dc150",
            ca_path=tmp_path / "ca.pem",
            certificate_path=tmp_path / "dc150-0.pem",
            key_path=tmp_path / "dc150-0.key",
            password_path=tmp_path / "password",
        )
        async with running(scenario):
            await wait_until(lambda: _stopped(scenario) >= 1)
    finally:
        logging.getLogger("isolane.sim.app").removeHandler(handler)
        stop.set()
        await csms
    status = msgspec.json.decode((tmp_path / "csms.json").read_bytes(), type=CsmsStatus)
    journal = metered(read_records(scenario.journal_path, JournalLine))
    assert status.closed == len(journal) >= 1
    assert status.billed_wh == sum((one.stop_wh or 0) - one.start_wh for one in journal)
    chargers = msgspec.json.decode((tmp_path / "status.json").read_bytes(), type=ChargersStatus)
    assert chargers.transactions_done == len(journal)
    assert chargers.chargers[0].unanswered == 0


async def test_a_wrong_password_gets_nothing_in(
    tmp_path: Path, quick_scenario: MakeScenario, wait_until: WaitUntil
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    central = CentralSystem(ledger, Policy(passwords={"ac22-0": b"right"}, chargers=frozenset({"ac22-0"})))
    await central.start("127.0.0.1", 0)
    (tmp_path / "password").write_bytes(b"wrong")
    scenario = quick_scenario(
        f"ws://127.0.0.1:{central.port}/ocpp", "ac22", "dc150", password_path=tmp_path / "password"
    )
    async with running(msgspec.structs.replace(scenario, drain_s=0.0)):
        await wait_until(lambda: _stopped(scenario) >= 1)
    await central.stop()
    ledger.close()
    assert central.connects == 0
    assert len(ledger) == 0
    assert bills(scenario, central).missing


async def test_a_used_port_is_one_clear_sentence(central: CentralSystem, tmp_path: Path) -> None:
    settings = CsmsSettings(ledger_path=tmp_path / "other.jsonl", port=central.port)
    with pytest.raises(IsolaneError, match="cannot listen"):
        await run_csms(settings, asyncio.Event())


class _PortHandler(logging.Handler):
    """Takes the port out of the line that says the CSMS is ready."""

    def __init__(self, port: asyncio.Future[int]) -> None:
        super().__init__()
        self._port = port

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("ready csms=") and not self._port.done():
            self._port.set_result(int(record.getMessage().rpartition(":")[2]))


def _stopped(scenario: Scenario) -> int:
    return sum(line.event == "stopped" for line in read_records(scenario.journal_path, JournalLine))
