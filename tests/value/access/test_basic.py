"""This file checks Basic credentials byte by byte."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.access.basic import Credential, read_basic, write_basic

NAMES = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, blacklist_characters=":"), min_size=1, max_size=48
)


@given(NAMES, st.binary(min_size=1, max_size=160))
def test_any_password_survives(user: str, password: bytes) -> None:
    assert read_basic(write_basic(user, password)) == Credential(user.encode(), password)


@given(st.text(max_size=60))
def test_no_other_spelling_is_taken(field: str) -> None:
    for text in (field, f"Basic {field}"):
        credential = read_basic(text)
        assert (
            credential is None
            or write_basic(credential.user.decode("latin-1"), credential.password) == text
            or (not credential.user.isascii())
        )


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic Og==",  # ":"
        "Basic Q1AxOg==",  # no password
        "Basic OnNlY3JldA==",  # no user
        "Basic Q1Ax",  # no colon
        "Bearer Q1AxOnNlY3JldA==",
        "basic Q1AxOnNlY3JldA==",
        "Basic  Q1AxOnNlY3JldA==",
        "Basic Q1AxOnNlY3JldA== ",
        "Basic Q1AxOnNlY3JldA",  # not padded
        "Basic Q1AxOnNlY3JldB==",  # bits behind the end
        "Basic Q1AxOi8v_w==",  # the alphabet of URLs
        "Basic Q1AxOnNlY3JldA==, Basic Q1AxOng=",
        "Digest x",
        "Basic " + base64.b64encode(b"CP1:" + b"x" * 161).decode(),
        "Basic " + base64.b64encode(b"CP1:" + b"x" * 70_000).decode(),
    ],
)
def test_what_is_no_credential_is_none(field: str) -> None:
    assert read_basic(field) is None


def test_a_colon_belongs_to_the_password_and_nobody_sees_it() -> None:
    credential = read_basic("Basic " + base64.b64encode(b"CP1:a:b\xff").decode())
    assert credential == Credential(b"CP1", b"a:b\xff")
    assert "a:b" not in repr(credential)
