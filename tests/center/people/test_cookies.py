"""This file tests cookies; it guards that none but ours is read and that TLS binds them to this host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.people.cookies import SESSION, Cookies

PLAIN, SECURE = Cookies(is_secure=False), Cookies(is_secure=True)


def test_over_tls_a_cookie_is_of_this_host_alone() -> None:
    for line in (
        SECURE.session("x"),
        SECURE.device("x"),
        SECURE.pending("x"),
        SECURE.no_session(),
        SECURE.no_pending(),
    ):
        name, *attributes = line.split("; ")
        assert name.startswith("__Host-isolane-")
        assert {"Path=/", "HttpOnly", "Secure"} <= set(attributes)
        assert not [one for one in attributes if one.startswith("Domain")]


def test_on_loopback_a_cookie_is_strict_and_hidden_from_scripts() -> None:
    assert PLAIN.session("x") == "isolane-session=x; Path=/; HttpOnly; SameSite=Strict"


@pytest.mark.parametrize(
    ("cookies", "header", "found"),
    [
        (PLAIN, "isolane-session=a", "a"),
        (PLAIN, "other=1; isolane-session=a; more=2", "a"),
        (PLAIN, "isolane-session=a; isolane-session=b", None),
        (SECURE, "__Host-isolane-session=a", "a"),
        (SECURE, "isolane-session=planted", None),
        (SECURE, "isolane-session=planted; __Host-isolane-session=a", "a"),
        (PLAIN, "isolane-session", ""),
        (PLAIN, "", None),
    ],
)
def test_reading(cookies: Cookies, header: str, found: str | None) -> None:
    assert cookies.read([(b"cookie", header.encode())]).get(SESSION) == found


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_no_header_breaks_the_reader(values: list[bytes]) -> None:
    assert set(PLAIN.read([(b"cookie", value) for value in values])) <= {SESSION, "isolane-device", "isolane-pending"}
