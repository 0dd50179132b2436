"""This file checks the sentence a person reads."""

from isolane.core.failures import IsolaneError


def test_the_sentence_says_what_and_what_to_do() -> None:
    assert str(IsolaneError("port 80 is in use", "choose another")) == "port 80 is in use. choose another."


def test_without_a_hint_it_says_what() -> None:
    assert str(IsolaneError("port 80 is in use")) == "port 80 is in use."
