"""This file tests what stands before every answer."""

import httpx
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.api.csv_series import to_csv
from isolane.center.store.views import Series, SignalSeries


async def test_every_answer_has_a_strict_policy(api: httpx.AsyncClient) -> None:
    for path in ("/sites", "/nothing", "/series"):
        headers = (await api.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def test_only_loopback_names_are_answered(api: httpx.AsyncClient) -> None:
    """Any other name was pointed here by somebody's DNS."""
    for host in ("127.0.0.1", "localhost:8080", "[::1]:1", "LOCALHOST"):
        assert (await api.get("/healthz", headers={"host": host})).status_code == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1:80:80", "10.0.0.1", ""):
        answer = await api.get("/healthz", headers={"host": host})
        assert answer.status_code == 421, host
        assert "content-security-policy" in answer.headers


@given(st.text(max_size=16))
def test_no_unit_becomes_a_formula(unit: str) -> None:
    series = SignalSeries("1.0/EVSE/Power", unit, 1.0, [1], [None], [None], [None], [0], [0], [1])
    cell = to_csv(Series("depot", "CP-1", 0, 1, 1, [series])).split("\n", 1)[1].split(",")[1]
    assert not cell.strip('"').startswith(("=", "+", "-", "@"))
