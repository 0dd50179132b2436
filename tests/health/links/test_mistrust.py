"""This file checks what a link takes for a sign that it does not speak with its center."""

import ssl

import pytest

from isolane.health.links.mistrust import Mistrust
from isolane.security.event_lines import Kind


def nested(error: BaseException) -> BaseException:
    """Wrap an error as libraries do: as the cause of one, behind another that hides it."""
    outer, hidden = RuntimeError("outer"), ValueError("hidden")
    outer.__cause__, hidden.__context__, hidden.__suppress_context__ = error, outer, True
    return hidden


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ssl.SSLCertVerificationError("certificate verify failed"), 1),
        (ssl.SSLError("wrong version number"), 1),
        (ssl.SSLEOFError("cut"), 0),
        (ConnectionResetError("cut"), 0),
    ],
)
def test_only_refused_tls_is_told(error: OSError, told: int) -> None:
    mistrust = Mistrust("127.0.0.1:8883")
    mistrust.failure(nested(error))
    assert mistrust.events.counts[Kind.TLS] == told


def test_a_ring_of_errors_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    mistrust = Mistrust("127.0.0.1:8883")
    mistrust.failure(one)
    assert not mistrust.events.counts


@pytest.mark.parametrize(("status", "told"), [(302, 1), (407, 1), (511, 1), (200, 0), (403, 0), (503, 0)])
def test_what_only_proxies_and_portals_say_is_told(status: int, told: int, caplog: pytest.LogCaptureFixture) -> None:
    Mistrust("https://center").status(status)
    assert len(caplog.messages) == told
