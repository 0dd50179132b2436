"""This file knocks at a signer's door; it guards that the code opens it and nothing else does."""

from isolane.signer.visits import COOKIE, SESSIONS_MAX, Visits


def _cookie(header: str | None) -> str:
    assert header
    assert "HttpOnly; SameSite=Lax" in header
    return header.partition(";")[0]


def test_the_code_opens_a_session_with_a_token_of_its_own() -> None:
    visits = Visits()
    assert visits.open("wrong") is None
    assert visits.open("\ud800") is None
    first, second = _cookie(visits.open(visits.code)), _cookie(visits.open(visits.code))
    tokens = [visits.form_token(each) for each in (first, second)]
    assert tokens[0]
    assert tokens[1]
    assert tokens[0] != tokens[1]
    assert visits.is_ours(first, tokens[0])
    assert not visits.is_ours(first, tokens[1])
    assert not visits.is_ours(first, "")
    for strange in ("", f"{COOKIE}=guess", "no cookie; at all", "a=b"):
        assert visits.form_token(strange) is None
        assert not visits.is_ours(strange, tokens[0])


def test_old_sessions_make_room() -> None:
    visits = Visits()
    first = _cookie(visits.open(visits.code))
    for _ in range(SESSIONS_MAX):
        visits.open(visits.code)
    assert visits.form_token(first) is None
