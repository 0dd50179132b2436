"""This file sends what pages from elsewhere would; it guards that none of it reaches the signer's pages."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from isolane.signer.guard import BODY_BYTES_MAX, Guard

PORT = 8790
OWN = f"http://127.0.0.1:{PORT}"
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": OWN, "sec-fetch-site": "same-origin"}


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST", "PUT"])])
    return httpx.AsyncClient(base_url=OWN, transport=httpx.ASGITransport(Guard(app, PORT)))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200),
        (f"localhost:{PORT}", 200),
        (f"[::1]:{PORT}", 200),
        (f"evil.example.org:{PORT}", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:8080", 421),
        (f"127.0.0.1.evil.example.org:{PORT}", 421),
        ("", 421),
    ],
)
async def test_only_names_of_this_machine_are_answered(client: httpx.AsyncClient, host: str, status: int) -> None:
    assert (await client.get("/", headers={"host": host})).status_code == status


async def test_every_answer_forbids_what_a_page_does_not_need(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/"), await client.get("/", headers={"host": "evil"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_another_page_may_lead_here_and_not_look_in(client: httpx.AsyncClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert (await client.get("/", headers=link)).status_code == 200
    for other in ({"sec-fetch-mode": "no-cors"}, {"sec-fetch-dest": "iframe"}):
        assert (await client.get("/", headers=link | other)).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": None}, 200),
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 403),
        ({"origin": f"http://localhost:{PORT}"}, 403),
        ({"origin": "https://center.example.org"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "multipart/form-data"}, 415),
    ],
)
async def test_a_form_has_to_come_from_a_page_of_ours(
    client: httpx.AsyncClient, changed: dict[str, str | None], status: int
) -> None:
    headers = {name: value for name, value in (FORM | changed).items() if value is not None}
    answer = await client.post("/", content=b"a=b", headers=headers)
    assert (answer.status_code, answer.text == "a=b") == (status, status == 200)


async def test_other_methods_and_long_forms_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.put("/", headers=FORM)).status_code == 405
    assert (await client.post("/", content=b"x" * (BODY_BYTES_MAX + 1), headers=FORM)).status_code == 413
    assert (await client.post("/", content=b"x" * BODY_BYTES_MAX, headers=FORM)).status_code == 200
