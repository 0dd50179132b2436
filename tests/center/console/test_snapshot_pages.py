"""This file reads the pages of snapshots; it guards that what was before the trigger is there, no text markup."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from isolane.center.console.snapshot_pages import snapshot_pages
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_views import Caller, Role
from isolane.wire.snapshot import CARD, OPEN, encode_card
from support.asked import Asked
from support.black_boxes import CURRENT
from support.gateways import T0_MS
from support.outboxes import SITE
from support.sent_snapshots import card, identity
from support.snapshot_world import HOSTILE, SnapshotWorld


class World(SnapshotWorld):
    """The same behind the console's routes, with a book of alarms."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        super().__init__(catalogue, folder)
        self.alerts = SqlAlerts(catalogue)
        app = FastAPI()
        app.include_router(snapshot_pages(self.alerts, self.book, self.films))
        self.asked = Asked(app)


@pytest.fixture
async def world(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> World:
    made = World(open_catalogue(), tmp_path)
    await made.fill()
    return made


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(world.asked)) as one:
        yield one


async def test_the_list_has_what_is_asked_for(client: httpx.AsyncClient, world: World) -> None:
    page = (await client.get("/snapshots")).text
    assert f'href="/snapshots/{world.told.id}"' in page
    assert f'href="/snapshots/{identity(7)}"' in page
    assert "contactor-under-load" in page
    for text in (page, (await client.get("/fragments/snapshots")).text):
        assert "&lt;img" in text
        assert "<img" not in text
    only = (await client.get("/snapshots", params={"trigger": "contactor-under-load", "site": SITE})).text
    assert f'href="/snapshots/{identity(7)}"' not in only
    assert "All snapshots" in only
    assert "None matches" in (await client.get("/snapshots", params={"charger": "CP-9"})).text
    world.asked.who = Caller("Ada", Role.VIEWER, frozenset({"south"}), frozenset({"harbour"}))
    assert "No snapshot has come yet" in (await client.get("/snapshots")).text


async def test_the_viewer_shows_what_was_before_the_trigger(client: httpx.AsyncClient, world: World) -> None:
    page = (await client.get(f"/snapshots/{world.told.id}")).text
    rows = page.partition("film-numbers")[2].partition("</table>")[0].split("<tr>")
    current = next(row for row in rows if CURRENT in row)
    numbers = [cell.partition("<")[0] for cell in current.split('<td class="number">')[1:]]
    usual, before, after = float(numbers[0]), [float(one) for one in numbers[2:6]], float(numbers[8])
    assert usual == pytest.approx(120.3, abs=0.5)
    assert before == pytest.approx([120.3] * 4, abs=0.7)
    assert after == 0
    assert "StatusChanged" in page or "Charging" in page
    assert "row-taken" in page
    assert "Not signed" in page
    assert "Manifest, message indexes and summary follow from them." in page
    assert f'/api/v1/snapshots/{world.told.id}/file"' in page
    assert f'/api/v1/snapshots/{world.told.id}/report"' in page
    assert f"#from={world.told.begun_ms - 300_000}&amp;to={world.told.begun_ms + 300_000}" in page
    found = (await client.get(f"/snapshots/{world.told.id}", params={"q": "dccurrent"})).text
    assert "1 of 1 that match" in found
    assert "No signal matches" in (await client.get(f"/snapshots/{world.told.id}", params={"q": HOSTILE})).text


async def test_before_its_file_the_card_speaks(client: httpx.AsyncClient, world: World) -> None:
    page = (await client.get(f"/snapshots/{identity(7)}")).text
    assert "The file is not here yet" in page
    assert "&lt;img" in page
    assert "<img" not in page
    assert f'hx-get="/fragments/snapshots/{identity(7)}"' in page
    assert "not here yet" in (await client.get(f"/fragments/snapshots/{identity(7)}")).text
    here = (await client.get(f"/fragments/snapshots/{world.told.id}")).text
    assert "Show what is in it" in here


async def test_alarm_and_snapshot_lead_to_each_other(client: httpx.AsyncClient, world: World) -> None:
    subject = f"charger/{SITE}/CP-1"
    openings = [
        Opening("r", subject, SITE, "CP-1", "", 4, "It opened under load", "seen", "why", "go", "part"),
        Opening("r", f"charger/{SITE}/CP-2", SITE, "CP-2", "", 3, "Another charger's", "seen", "why", "go", "part"),
    ]
    await world.alerts.decide(Decisions(openings=openings), (), world.told.begun_ms + 5000)
    page = (await client.get(f"/snapshots/{world.told.id}")).text
    assert '<a href="/alarms/1">It opened under load</a>' in page
    assert "Another charger" not in page
    near = (await client.get("/fragments/alarms/1/snapshots")).text
    assert f'href="/snapshots/{world.told.id}"' in near
    assert "None of about that time" in (await client.get("/fragments/alarms/2/snapshots")).text
    for number in ("9", "x", "9" * 30):
        assert (await client.get(f"/fragments/alarms/{number}/snapshots")).status_code == 404
    of_charger = (await client.get(f"/fragments/snapshots/{SITE}/CP-1")).text
    assert f'href="/snapshots/{world.told.id}"' in of_charger
    assert "contactor-under-load" in of_charger
    assert f"#from={world.told.begun_ms + 5000 - 300_000}" in (await client.get("/snapshots")).text


async def test_only_who_may_holds_and_deletes(client: httpx.AsyncClient, world: World) -> None:
    target = f"/snapshots/{world.told.id}"
    world.asked.who = Caller("ada", Role.VIEWER, None, None)
    assert '<form method="post"' not in (await client.get(target)).text
    world.asked.who = Caller("ada", Role.ADMIN, None, None)
    assert (await client.post(target, data={"action": "hold", "why": HOSTILE})).status_code == 303
    page = (await client.get(target)).text
    assert "by ada since" in page
    assert "<img" not in page
    assert "Delete for good" not in page
    assert (await client.post(f"{target}/delete")).headers["location"] == target
    await client.post(target, data={"action": "let-go"})
    assert "Delete for good" in (await client.get(target)).text
    assert (await client.post(f"{target}/delete")).headers["location"] == "/snapshots"
    assert (await client.get(target)).status_code == 404


async def test_a_foreign_or_unknown_snapshot_is_not_here(client: httpx.AsyncClient, world: World) -> None:
    for name in ("nothing", "..%2f..%2fetc%2fpasswd", quote(HOSTILE), identity(99)):
        assert (await client.get(f"/snapshots/{name}")).status_code == 404
    opened = card(8, state=OPEN, begun_ms=T0_MS + 1)
    await world.catalogue.record(world.post.batch((CARD, encode_card(opened))))
    world.asked.who = Caller("Ada", Role.ADMIN, frozenset({"south"}), frozenset({"harbour"}))
    for path in ("", "/delete"):
        assert (await client.post(f"/snapshots/{world.told.id}{path}")).status_code == 404
    assert (await client.get(f"/snapshots/{world.told.id}")).status_code == 404
    assert (await client.get(f"/fragments/snapshots/{world.told.id}")).status_code == 404
