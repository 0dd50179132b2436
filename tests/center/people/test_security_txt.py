"""This file asks for security.txt as a stranger would, with and without a contact, before and after its day."""

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRouter

from isolane.center.console.people_pages import add_security_txt
from isolane.center.people.rights import RIGHTS, Who
from isolane.center.people.security_txt import PATH, SecurityTxt
from isolane.center.people.settings import AccessSettings
from isolane.core.failures import IsolaneError

DAY_MS = 1_893_456_000_000
"""2030-01-01T00:00:00Z."""
CONTACT = ("mailto:security@example.org", "https://example.org/report")
SET = AccessSettings(
    security_contact=CONTACT, security_expires="2030-01-01T01:00:00+01:00", origin="https://center.test"
)


async def _asked(settings: AccessSettings, now_ms: int) -> tuple[int, str, str]:
    app, router = FastAPI(), APIRouter()
    add_security_txt(router, SecurityTxt(settings, lambda: now_ms).text)
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://center.test") as client:
        reply = await client.get(PATH)
    return reply.status_code, reply.headers["content-type"], reply.text


async def test_a_stranger_reads_whom_to_tell() -> None:
    status, kind, text = await _asked(SET, DAY_MS - 1)
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert text.splitlines() == [
        "Contact: mailto:security@example.org",
        "Contact: https://example.org/report",
        "Expires: 2030-01-01T00:00:00Z",
        "Canonical: https://center.test/.well-known/security.txt",
    ]
    assert [right.who for right in RIGHTS if right.path == PATH] == [Who.ANYBODY] * 2


async def test_nothing_is_said_without_a_contact_or_after_its_day() -> None:
    assert (await _asked(AccessSettings(), 0))[0] == 404
    assert (await _asked(SET, DAY_MS))[0] == 404


@pytest.mark.parametrize(
    "settings",
    [
        AccessSettings(security_contact=CONTACT),
        AccessSettings(security_expires="2030-01-01T00:00:00Z"),
        AccessSettings(security_contact=("security@example.org",), security_expires="2030-01-01T00:00:00Z"),
        AccessSettings(security_contact=("mailto:a@b\nExpires: x",), security_expires="2030-01-01T00:00:00Z"),
        AccessSettings(security_contact=CONTACT, security_expires="2030-01-01"),
        AccessSettings(security_contact=CONTACT, security_expires="soon"),
    ],
)
def test_what_the_standard_does_not_take_is_refused(settings: AccessSettings) -> None:
    with pytest.raises(IsolaneError):
        SecurityTxt(settings, lambda: 0)
