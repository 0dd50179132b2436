"""This file writes to Debian's rsyslog over mutual TLS and reads back what it stored; it guards every value."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from isolane.config.site import Site
from isolane.core.signals import Signal
from isolane.health.links.facts import Fact
from isolane.health.links.syslog.link import Syslog
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema
from support.broker import Pki, make_pki
from support.couriers import Errands, gap
from support.outboxes import GATEWAY, SITE, until
from support.rsyslog import Read, Rsyslog
from support.shipping import ship
from support.syslog_target import syslog_table, telling
from support.target_rows import BAD, T0_MS

pytestmark = pytest.mark.metrics
CHARGER = 'Säule "7" [Nord]\\充电 🔌'
KEY = "1.0/Connector/AvailabilityState"
TIMES = [f"2023-11-14T22:13:{20 + row}.000Z" for row in range(10)]


@pytest.fixture(scope="module", params=["gtls", "ossl"])
def rsyslog(request: pytest.FixtureRequest, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rsyslog]:
    with Rsyslog(tmp_path_factory.mktemp("rsyslog"), pki, request.param) as server:
        yield server


def told(read: Read) -> dict[str, str]:
    """Check what all messages share; give the values of the one element."""
    assert (read.facility, read.version, read.host, read.app, read.process) == ("16", "1", "gw-1", "isolane", "-")
    assert list(read.data) == ["isolane@32473"]
    values = dict(read.data["isolane@32473"])
    assert values.pop("site") == "north"
    return values


async def test_states_quality_and_books_come_back_value_for_value(rsyslog: Rsyslog, pki: Pki, tmp_path: Path) -> None:
    schema = Schema.of((Signal(CHARGER, KEY, "", 1),))
    states = np.array([[0, 0, 2, 2, 0, 0, 3, 3, 3, -7]], np.int64)
    codes = np.array([[0, 0, 0, 0, BAD, BAD, 0, 0, 0, 0]], np.uint8)
    drafts = [Draft(schema.id, T0_MS + 1000 * at, 1000, states[:, at : at + 5], codes[:, at : at + 5]) for at in (0, 5)]
    before = len(rsyslog.records())
    counts = await ship(syslog_table(rsyslog.port, pki), drafts, schema, tmp_path)
    await until(lambda: len(rsyslog.records()) == before + counts.facts, "all told")
    reads = rsyslog.records()[before:]
    facts = [read for read in reads if read.kind != "ledger"]
    assert [(read.kind, read.time, read.severity, told(read)) for read in facts] == [
        ("state", TIMES[0], "6", {"charger": CHARGER, "signal": KEY, "to": "0"}),
        ("state", TIMES[2], "6", {"charger": CHARGER, "signal": KEY, "from": "0", "to": "2"}),
        (
            "quality",
            TIMES[4],
            "4",
            {"charger": CHARGER, "signal": KEY, "from": "GOOD", "to": "BAD", "reason": "TIMEOUT"},
        ),
        ("quality", TIMES[6], "6", {"charger": CHARGER, "signal": KEY, "from": "BAD", "to": "GOOD"}),
        ("state", TIMES[6], "6", {"charger": CHARGER, "signal": KEY, "from": "2", "to": "3"}),
        ("state", TIMES[9], "6", {"charger": CHARGER, "signal": KEY, "from": "3", "to": "-7"}),
    ]
    assert facts[1].text.lstrip() == f"state signal={KEY} from=0 to=2"
    books = [told(read) for read in reads if read.kind == "ledger"]
    assert books[0]["produced"] == "10"
    assert books[0]["dropped"] == books[0]["thinned"] == "0"


async def test_whatever_a_value_holds_ends_neither_its_quotes_nor_its_message(rsyslog: Rsyslog, pki: Pki) -> None:
    texts = [
        '"',
        "\\",
        "]",
        '\\"',
        "\\]",
        "\\\\",
        'a" b="c',
        '"] <34>1 - - - - - [x y="z',
        "é",
        "Ω 充电",
        "🔌",
        "%s%n$!",
        "{}",
    ]
    facts = [Fact(T0_MS, "state", False, text, {"signal": 2 * text, "to": n}) for n, text in enumerate(texts * 40)]
    before = len(rsyslog.records())
    carrier = Syslog(syslog_table(rsyslog.port, pki), Site(name=SITE, gateway=GATEWAY, run_dir=Path()))
    async with carrier.open():
        await carrier.bring_facts(facts)
    await until(lambda: len(rsyslog.records()) == before + len(facts), "all told")
    for fact, read in zip(facts, rsyslog.records()[before:], strict=True):
        assert told(read) == {"charger": fact.charger, **{name: str(value) for name, value in fact.fields.items()}}
        assert read.text.removeprefix("\ufeff") == f"state signal={fact.fields['signal']} to={fact.fields['to']}"


async def test_a_stranger_is_refused_and_what_it_had_to_tell_is_kept(
    rsyslog: Rsyslog, pki: Pki, tmp_path: Path
) -> None:
    stranger = make_pki(tmp_path, GATEWAY)
    before = len(rsyslog.records())
    errands = Errands([gap(1)])
    settings = syslog_table(rsyslog.port, Pki(pki.ca, pki.server, stranger.gateway, pki.center))
    async with telling(settings, errands) as link:
        await until(lambda: link.counts.failures >= 2, "refused")
        assert not errands.sent_letters
    assert len(rsyslog.records()) == before


async def test_what_waited_while_the_server_was_away_is_told_after_it(pki: Pki, tmp_path: Path) -> None:
    with Rsyslog(tmp_path, pki, "ossl") as server:
        async with telling(syslog_table(server.port, pki), Errands([gap(1), gap(2)])):
            await until(lambda: len(server.records()) == 2, "before")
        server.stop()
        errands = Errands([gap(3)])
        async with telling(syslog_table(server.port, pki), errands) as link:
            await until(lambda: link.counts.failures >= 1, "noticed")
            assert not errands.sent_letters
            server.start()
            await until(lambda: bool(errands.sent_letters), "delivered")
            await until(lambda: len(server.records()) == 3, "written")
    assert [told(read)["first"] for read in server.records()] == ["1", "2", "3"]
