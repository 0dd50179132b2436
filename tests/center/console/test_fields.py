"""This file reads forms; it guards that each refusal stands at its field and says what to write."""

import pytest

from isolane.center.console.fields import Fields, form_of, moment_text


def test_of_a_field_that_comes_twice_the_last_counts() -> None:
    assert form_of(b"a=1&a=2&b=%C3%A4+b&c=") == {"a": "2", "b": "ä b"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "say so"),
        ("  ", "say so"),
        ("x" * 9, "9 characters; at most 8"),
        ("a\0b", "cannot be read"),
        ("a\nb", "read"),
    ],
)
def test_texts_that_cannot_be(value: str, said: str) -> None:
    fields = Fields({"name": value})
    fields.text("name", 8, empty="say so")
    assert said.removeprefix("cannot be ") in fields.errors["name"]


def test_what_is_well_is_given_back() -> None:
    fields = Fields({"name": " Ada ", "site": "depot", "port": "2", "kw": "22.5", "at": "1970-01-02T00:01", "none": ""})
    assert fields.text("name", 8) == "Ada"
    assert fields.text("none", 8) == ""
    assert fields.one_of("site", {"depot"}, "site") == "depot"
    assert fields.number("port", 0, 9) == 2
    assert fields.number("none", 0, 9) == 0
    assert fields.number("kw", 0, 30, is_whole=False) == 22.5
    assert fields.moment_ms("at") == 86_460_000
    assert moment_text(86_460_000) == "1970-01-02 00:01"
    assert fields.errors == {}


@pytest.mark.parametrize("value", ["x", "-1", "10", "1.5", "nan", "inf"])
def test_numbers_that_cannot_be(value: str) -> None:
    fields = Fields({"port": value})
    assert fields.number("port", 0, 9) == 0
    assert fields.errors == {"port": "Write a whole number from 0 to 9."}


@pytest.mark.parametrize("value", ["", "yesterday", "2026-13-01T00:00", "1969-12-31T23:59"])
def test_times_that_cannot_be(value: str) -> None:
    fields = Fields({"at": value})
    fields.moment_ms("at")
    assert "at" in fields.errors


def test_who_names_what_is_not_there_is_told_what_is() -> None:
    fields = Fields({"site": "dépôt"})
    fields.one_of("site", {"depot", "harbour"}, "site")
    assert fields.errors["site"] == "There is no such site. Known: depot, harbour."
    fields.one_of("site", {str(at) for at in range(9)}, "site")
    assert fields.errors["site"].endswith("4, 5, ....")
    fields.one_of("site", (), "site")
    assert fields.errors["site"] == "There is no such site. No site is known."
