"""This file tests the ways out against real servers; it guards that one that is down loses and delays nothing."""

import asyncio
import hashlib
import hmac
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from isolane.center.alerts.courier import Courier
from isolane.center.alerts.desk import make_ways
from isolane.center.alerts.settings import AlertmanagerSettings, AlertsSettings, MailSettings, WebhookSettings
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening, WayOut
from isolane.center.store.catalogue import SqlCatalogue
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from support.alert_targets import PASSWORD, USER, AlertmanagerServer, Hook, MailServer
from support.broker import Pki, make_pki
from support.dying_alerts import OPENING, hook_settings

HOSTILE = '<img src=x onerror=alert(1)>\r\nBcc: eve@example.org\x00"\u202e'
KEPT = HOSTILE.replace("\0", "\ufffd")
"""As the catalogue keeps it: PostgreSQL takes no NUL."""
DYING = Path(__file__).parents[2] / "support" / "dying_alerts.py"
KEY = b"0123456789abcdef0123456789abcdef"


class World(Protocol):
    """What these tests use of the fixture."""

    alerts: Any
    catalogue: Any


@pytest.fixture(scope="module")
def targets_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("alert-pki"), "gw-1")


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory, targets_pki: Pki) -> Iterator[AlertmanagerServer]:
    with AlertmanagerServer(tmp_path_factory.mktemp("alertmanager"), targets_pki) as server:
        yield server


@pytest.fixture
async def hook(targets_pki: Pki) -> AsyncIterator[Hook]:
    target = Hook(targets_pki)
    await target.start()
    yield target
    await target.stop()


@pytest.fixture
async def post(targets_pki: Pki) -> AsyncIterator[MailServer]:
    server = MailServer(targets_pki)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[bytes], Secret]:
    def keep(content: bytes) -> Secret:
        file = tmp_path / hashlib.sha256(content).hexdigest()[:8]
        file.write_bytes(content)
        return Secret(f"file:{file}", tmp_path)

    return keep


@pytest.fixture
async def couriers(world: World) -> AsyncIterator[Callable[[AlertsSettings], list[Courier]]]:
    made: list[Courier] = []

    def make(settings: AlertsSettings) -> list[Courier]:
        made.extend(Courier(out, way, world.alerts, settings) for out, way in make_ways(settings))
        return made

    yield make
    for courier in made:
        await courier.close()


def webhook(hook: Hook, secret: Callable[[bytes], Secret], **changes: Any) -> WebhookSettings:  # noqa: ANN401
    given = {"url": f"https://localhost:{hook.port}/in?x=1", "allow": ("127.0.0.0/8", "::1/128"), "level": "L0"}
    return WebhookSettings(name="hook", secret=secret(KEY), ca=hook.pki.ca, **{**given, **changes})


def mail(post: MailServer, pki: Pki, secret: Callable[[bytes], Secret], **changes: Any) -> MailSettings:  # noqa: ANN401
    given = {"name": "mail", "host": "localhost", "port": post.port, "to": ("ops@example.org", "two@example.org")}
    login = {"user": USER.decode(), "password": secret(PASSWORD)}
    return MailSettings(sender="center@example.org", level="L0", ca=pki.ca, **{**given, **login, **changes})


async def decide(world: World, couriers: list[Courier], **changes: str) -> int:
    """Open an alert of a hostile charger; gives its number."""
    texts = {
        "title": f"Contact of {HOSTILE} hot",
        "seen": "91 °C",
        "why": "It melts",
        "action": "Clean",
        "part": "Cable",
    }
    opening = Opening("hot", f"charger/depot/{HOSTILE}", "depot", HOSTILE, "", 3, **{**texts, **changes})
    await world.alerts.decide(Decisions(openings=[opening]), ways(couriers), now_ms())
    return int((await world.alerts.standing())[-1].number)


def ways(couriers: list[Courier]) -> tuple[WayOut, ...]:
    return tuple(courier.out for courier in couriers)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def end(world: World, couriers: list[Courier], number: int) -> None:
    await world.alerts.decide(Decisions(closings={number: "over"}), ways(couriers), now_ms())


async def test_a_real_alertmanager_takes_and_resolves(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    alertmanager: AlertmanagerServer,
    targets_pki: Pki,
) -> None:
    settings = AlertmanagerSettings(name="am", url=alertmanager.url, ca=targets_pki.ca)
    made = couriers(AlertsSettings(alertmanager=(settings,), console_url="https://center.example/"))
    number = await decide(world, made)
    assert await made[0].carry(now_ms()) == 1
    (alert,) = await asyncio.to_thread(alertmanager.alerts)
    assert alert["labels"]["alertname"] == "hot"
    assert alert["labels"]["level"] == "L3"
    assert alert["labels"]["device"] == KEPT
    assert alert["annotations"]["seen"] == "91 °C"
    assert alert["generatorURL"] == f"https://center.example/alarms/{number}"
    await made[0]._repeat()
    (again,) = await asyncio.to_thread(alertmanager.alerts)
    assert (again["fingerprint"], again["startsAt"]) == (alert["fingerprint"], alert["startsAt"])
    assert again["endsAt"] >= alert["endsAt"]
    await end(world, made, number)
    assert await made[0].carry(now_ms()) == 1
    await made[0]._repeat()
    assert await asyncio.to_thread(alertmanager.alerts) == []
    kinds = [event.text for event in (await world.alerts.history(number)).events if event.kind == "delivered"]
    assert kinds == ["opened by am: HTTP 200", "resolved by am: HTTP 200"]


async def test_a_webhook_gets_signed_json_over_tls(
    world: World, couriers: Callable[[AlertsSettings], list[Courier]], hook: Hook, secret: Callable[[bytes], Secret]
) -> None:
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret),)))
    number = await decide(world, made)
    assert await made[0].carry(now_ms()) == 1
    (posted,) = hook.posted
    assert posted.path == "/in?x=1"
    assert posted.headers["host"] == f"localhost:{hook.port}"
    stamp, signature = (part.partition("=")[2] for part in posted.headers["x-isolane-signature"].split(","))
    assert signature == hmac.new(KEY, f"{stamp}.".encode() + posted.body, hashlib.sha256).hexdigest()
    assert abs(int(stamp) - time.time()) < 60
    body = json.loads(posted.body)
    assert (body["event"], body["alert"]["number"], body["alert"]["device"]) == ("opened", number, KEPT)
    assert body["delivery"] == posted.headers["x-isolane-delivery"]


async def test_a_lost_answer_is_sent_again_under_the_same_delivery(
    world: World, couriers: Callable[[AlertsSettings], list[Courier]], hook: Hook, secret: Callable[[bytes], Secret]
) -> None:
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret),), retry_s=0.05))
    await decide(world, made)
    hook.loses = 1
    assert await made[0].carry(now_ms()) == 0
    assert await made[0].carry(now_ms() + 1000) == 1
    assert len({one.headers["x-isolane-delivery"] for one in hook.posted}) == 1
    assert len(hook.posted) == 2


@pytest.mark.parametrize(
    ("status", "leaves"),
    [(500, False), (503, False), (429, False), (302, False), (401, False), (400, True), (410, True)],
)
async def test_what_a_server_refuses_for_good_leaves_the_queue_and_nothing_else(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    hook: Hook,
    secret: Callable[[bytes], Secret],
    *,
    status: int,
    leaves: bool,
) -> None:
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret),)))
    number = await decide(world, made)
    hook.status = status
    assert await made[0].carry(now_ms()) == int(leaves)
    assert len(hook.asked) == 1
    events = [event.kind for event in (await world.alerts.history(number)).events]
    assert ("undeliverable" in events) == leaves
    if not leaves:
        hook.status = 204
        assert await made[0].carry(now_ms()) == 0
        assert await made[0].carry(now_ms() + 6000) == 1


async def test_a_webhook_never_reaches_loopback_by_itself(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    hook: Hook,
    secret: Callable[[bytes], Secret],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret, allow=()),)))
    number = await decide(world, made)
    assert await made[0].carry(now_ms()) == 1
    assert hook.connections == 0
    assert "not public" in (await world.alerts.history(number)).events[-1].text
    assert caplog.text.count("security-event type=address gateway=- peer=127.0.0.1 ") == 1


async def test_a_webhook_checks_the_name_in_the_certificate(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    hook: Hook,
    secret: Callable[[bytes], Secret],
    tmp_path: Path,
) -> None:
    hook.pki = make_pki(tmp_path, "gw", ("elsewhere.example",))
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret),)))
    await hook.stop()
    await hook.start()
    await decide(world, made)
    assert await made[0].carry(now_ms()) == 0
    assert hook.posted == []


async def test_mail_goes_by_starttls_and_no_device_writes_its_headers(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    post: MailServer,
    targets_pki: Pki,
    secret: Callable[[bytes], Secret],
) -> None:
    made = couriers(AlertsSettings(mail=(mail(post, targets_pki, secret),), console_url="https://center.example"))
    number = await decide(world, made, seen=f"{HOSTILE} 91 °C")
    assert await made[0].carry(now_ms()) == 1
    await end(world, made, number)
    assert await made[0].carry(now_ms()) == 1
    first, last = post.mails
    assert first["To"] == "ops@example.org, two@example.org"
    assert "Bcc" not in first
    assert first.keys() == list(dict.fromkeys(first.keys()))
    assert "[L3 opened] Contact of <img src=x onerror=alert(1)>" in str(first["Subject"])
    text = first.get_content()
    assert "Seen: <img src=x onerror=alert(1)>  Bcc: eve@example.org" in text
    assert f"https://center.example/alarms/{number}" in text
    assert "What to do: Clean" in text
    assert "Bring: Cable" in text
    assert first.get_content_type() == "text/plain"
    assert last["In-Reply-To"] == first["Message-ID"]
    assert last["Message-ID"] != first["Message-ID"]


async def test_mail_goes_by_implicit_tls(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    targets_pki: Pki,
    secret: Callable[[bytes], Secret],
) -> None:
    server = MailServer(targets_pki, implicit=True)
    await server.start()
    settings = mail(server, targets_pki, secret, tls="implicit", user="", password=None)
    made = couriers(AlertsSettings(mail=(settings,)))
    await decide(world, made)
    assert await made[0].carry(now_ms()) == 1
    await server.stop()
    assert len(server.mails) == 1


async def test_no_mail_goes_to_a_server_whose_certificate_is_not_trusted(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    post: MailServer,
    secret: Callable[[bytes], Secret],
    tmp_path: Path,
) -> None:
    made = couriers(AlertsSettings(mail=(mail(post, make_pki(tmp_path, "gw"), secret),)))
    number = await decide(world, made)
    assert await made[0].carry(now_ms()) == 0
    assert post.mails == []
    assert [event.kind for event in (await world.alerts.history(number)).events] == ["opened"]


@pytest.mark.parametrize(("answer", "leaves"), [("451 later", False), ("552 never", True)])
async def test_a_mail_server_that_refuses_is_believed(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    post: MailServer,
    targets_pki: Pki,
    secret: Callable[[bytes], Secret],
    *,
    answer: str,
    leaves: bool,
) -> None:
    made = couriers(AlertsSettings(mail=(mail(post, targets_pki, secret),)))
    await decide(world, made)
    post.answer = answer
    assert await made[0].carry(now_ms()) == int(leaves)
    post.answer = ""
    assert await made[0].carry(now_ms() + 10_000) == int(not leaves)


async def test_a_wrong_password_is_tried_again(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    post: MailServer,
    targets_pki: Pki,
    secret: Callable[[bytes], Secret],
) -> None:
    made = couriers(AlertsSettings(mail=(mail(post, targets_pki, secret, password=secret(b"wrong")),)))
    await decide(world, made)
    assert await made[0].carry(now_ms()) == 0
    assert post.mails == []


async def test_a_way_that_is_down_delays_nobody_and_loses_nothing(
    world: World,
    couriers: Callable[[AlertsSettings], list[Courier]],
    hook: Hook,
    post: MailServer,
    secret: Callable[[bytes], Secret],
) -> None:
    settings = AlertsSettings(
        webhook=(webhook(hook, secret),), mail=(mail(post, hook.pki, secret),), retry_s=0.05, retry_s_max=0.1
    )
    made = couriers(settings)
    hook.hangs = True
    running = [asyncio.create_task(courier.run()) for courier in made]
    number = await decide(world, made)
    await end(world, made, number)
    async with asyncio.timeout(30):
        while len(post.mails) < 2:
            await asyncio.sleep(0.02)
        assert hook.posted == []
        await hook.stop()
        hook.hangs = False
        await hook.start()
        while len(hook.posted) < 2:
            await asyncio.sleep(0.02)
    assert [json.loads(one.body)["event"] for one in hook.posted] == ["opened", "resolved"]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_message_that_is_too_old_is_given_up_and_says_so(
    world: World, couriers: Callable[[AlertsSettings], list[Courier]], hook: Hook, secret: Callable[[bytes], Secret]
) -> None:
    made = couriers(AlertsSettings(webhook=(webhook(hook, secret),), give_up_days=1))
    number = await decide(world, made)
    hook.status = 503
    assert await made[0].carry(now_ms()) == 0
    assert await made[0].carry(now_ms() + 86_400_000) == 1
    assert "given up: HTTP 503" in (await world.alerts.history(number)).events[-1].text


async def test_what_is_wrong_in_the_settings_is_told(hook: Hook, secret: Callable[[bytes], Secret]) -> None:
    twice = webhook(hook, secret)
    for settings, sentence in (
        (AlertsSettings(webhook=(twice, twice)), "two ways out called 'hook'"),
        (AlertsSettings(webhook=(webhook(hook, secret, url="ftp://x"),)), "https://host/path"),
        (AlertsSettings(webhook=(WebhookSettings(name="a", url="https://a", secret=secret(b"short")),)), "shorter"),
        (
            AlertsSettings(mail=(MailSettings(name="m", host="h", sender="no\r\nBcc: x@y", to=("a@b",)),)),
            "no mail address",
        ),
        (AlertsSettings(mail=(MailSettings(name="m", host="h", sender="a@b", to=("a@b\nX: y",)),)), "no mail address"),
    ):
        with pytest.raises(IsolaneError, match=sentence):
            make_ways(settings)


@pytest.mark.parametrize(("moment", "times"), [("decided", 1), ("told", 2)])
async def test_death_between_deciding_and_noting_loses_nothing(
    hook: Hook, open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path, *, moment: str, times: int
) -> None:
    """Before the receiver has it: once. After: again under the same delivery, by which he knows it."""
    key = tmp_path / "key"
    key.write_bytes(KEY)
    url = f"https://localhost:{hook.port}/"
    killed = await asyncio.create_subprocess_exec(sys.executable, DYING, tmp_path, moment, url, hook.pki.ca, key)
    async with asyncio.timeout(60):
        assert await killed.wait() == -signal.SIGKILL
    assert len(hook.posted) == times - 1
    alerts = SqlAlerts(open_catalogue())
    settings = hook_settings(url, hook.pki.ca, key)
    ((out, way),) = make_ways(settings)
    await alerts.decide(Decisions(openings=[OPENING]), (out,), now_ms())
    courier = Courier(out, way, alerts, settings)
    assert await courier.carry(now_ms()) == 1
    assert await courier.carry(now_ms() + 10**9) == 0
    await courier.close()
    assert len(await alerts.standing()) == 1
    assert len(hook.posted) == times
    assert len({one.headers["x-isolane-delivery"] for one in hook.posted}) == 1
