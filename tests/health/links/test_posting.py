"""This file tests what a poster sends beside the body; it guards that secrets stand where they belong and are read."""

import base64
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.health.links import posting
from isolane.health.links.counts import LinkCounts
from isolane.health.links.outcome import Verdict
from isolane.health.links.posting import Poster
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply


def table(port: int, pki: Pki, **more: Any) -> RemoteWriteSettings:  # noqa: ANN401 - any setting
    return RemoteWriteSettings(url=f"https://localhost:{port}/x", ca=pki.ca, **_identity(pki), **more)


def _identity(pki: Pki) -> dict[str, Any]:
    return {"certificate": pki.gateway.certificate, "key": pki.gateway.key}


async def headers_of(pki: Pki, **more: Any) -> dict[str, str]:  # noqa: ANN401
    seen: list[Posted] = []

    def take(request: Posted) -> Reply:
        seen.append(request)
        return Reply(204)

    target = HttpTarget(pki, take)
    await target.start()
    try:
        async with Poster(table(target.port, pki, **more), LinkCounts()) as poster:
            assert (await poster.post(b"body", {"content-type": "text/plain"})).verdict is Verdict.TAKEN
    finally:
        await target.stop()
    assert seen[0].body == b"body"
    assert seen[0].path == "/x"
    return seen[0].headers


async def test_a_token_and_further_headers_are_sent(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    told = await headers_of(pki, token=Secret("file:token", tmp_path), headers={"X-Scope-OrgID": "north"})
    assert told["authorization"] == "Bearer s3cret"
    assert told["x-scope-orgid"] == "north"
    assert told["content-type"] == "text/plain"


async def test_a_login_is_sent(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass:word", encoding="utf-8")
    told = await headers_of(pki, user="gw", password=Secret("file:password", tmp_path))
    assert base64.b64decode(told["authorization"].removeprefix("Basic ")) == b"gw:pass:word"


def test_a_secret_that_cannot_be_read_is_said(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="secret cannot be read"):
        Poster(table(1, pki, token=Secret("file:nothing", tmp_path)), LinkCounts())


@pytest.mark.parametrize("more", [{"user": "x"}, {"required": True, "age_max_s": 100}])
def test_settings_that_contradict_each_other_are_refused(pki: Pki, more: dict[str, Any]) -> None:
    with pytest.raises(IsolaneError):
        table(1, pki, **more)


def test_retry_after_is_read_in_both_forms() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert posting._retry_after_s("17") == 17
    assert 90 < posting._retry_after_s(soon) <= 100
    assert posting._retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert posting._retry_after_s("999999") == 600
    for odd in ("", "soon", "-3", "\u0663", "1.5"):
        assert posting._retry_after_s(odd) == 0
