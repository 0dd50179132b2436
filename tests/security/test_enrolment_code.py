"""This file checks enrolment codes: what a person may do to one, and what no mistake may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.security.enrolment_code import EnrolmentCode, code_id

_BYTES = st.tuples(st.binary(min_size=10, max_size=10), st.binary(min_size=16, max_size=16))


@given(_BYTES)
def test_what_is_shown_is_read_however_it_is_typed(parts: tuple[bytes, bytes]) -> None:
    code = EnrolmentCode(*parts)
    shown = str(code)
    assert len(shown.replace("-", "")) == 45
    for typed in (
        shown,
        shown.lower(),
        shown.replace("-", " "),
        shown.replace("0", "o").replace("1", "l"),
        f" {shown}\n",
    ):
        assert EnrolmentCode.parse(typed) == code


@given(_BYTES, st.integers(0, 44), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_mistyped_code_is_no_other_code(parts: tuple[bytes, bytes], at: int, char: str) -> None:
    plain = str(EnrolmentCode(*parts)).replace("-", "")
    mistyped = plain[:at] + char + plain[at + 1 :]
    if mistyped == plain:
        return
    try:
        read = EnrolmentCode.parse(mistyped)
    except ValueError:
        return
    # Two bytes of check let one mistake in 65,536 pass; it is then a wrong code, never this one.
    assert read != EnrolmentCode(*parts)


@pytest.mark.parametrize("text", ["", "AAAAA", "U" * 45, "Z" * 45, "0" * 44, "0" * 46, "é" * 45])
def test_what_is_no_code_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="code"):
        EnrolmentCode.parse(text)


def test_a_code_is_for_one_listener_and_hides_its_secret() -> None:
    code = EnrolmentCode.make(b"one listener")
    assert code.is_of(b"one listener")
    assert not code.is_of(b"another")
    assert code.secret.hex() not in repr(code)
    assert code_id(code.secret) != code_id(EnrolmentCode.make(b"one listener").secret)
