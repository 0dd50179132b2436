"""This file tests `cli.update.idle`: what nobody knows is not idle."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from isolane.cli.update.idle import Pages, why_not
from isolane.config.values import Address


@contextmanager
def _page(text: str) -> Iterator[Address]:
    class Page(BaseHTTPRequestHandler):
        """One page."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("connected", "states", "trusted", "why"),
    [
        (0, {"busy": 0, "idle": 0, "unknown": 0}, 0, ""),
        (2, {"busy": 0, "idle": 2, "unknown": 0}, 0, ""),
        (2, {"busy": 1, "idle": 1, "unknown": 0}, 0, "1 charger is charging"),
        (2, {"busy": 1, "idle": 0, "unknown": 1}, 1, "1 charger is charging"),
        (2, {"busy": 0, "idle": 1, "unknown": 1}, 0, "of 1 connected nobody knows"),
        (3, {"busy": 0, "idle": 1, "unknown": 0}, 0, "of 2 connected nobody knows"),
        (3, {"busy": 0, "idle": 1, "unknown": 0}, 1, ""),
    ],
)
def test_the_relay_waits_for_who_charges_and_for_who_might(
    connected: int, states: dict[str, int], trusted: int, why: str
) -> None:
    told = "".join(f'isolane_tap_chargers{{state="{name}"}} {count}.0\n' for name, count in states.items())
    with _page(f"isolane_value_connections {connected}.0\n") as value, _page(told) as tap:
        said = why_not(Pages(value, tap), trusts_unknown=bool(trusted))
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_a_page_that_does_not_answer_says_nothing_of_anybody() -> None:
    nowhere = Address("127.0.0.1", 1)
    with _page("isolane_value_connections 1.0\n") as value:
        for tap in (nowhere, None):
            assert "nobody knows" in why_not(Pages(value, tap), trusts_unknown=False)
    assert "does not answer" in why_not(Pages(nowhere, nowhere), trusts_unknown=False)
    with _page("isolane_other 0.0\n") as other:
        assert "is not the relay" in why_not(Pages(other, nowhere), trusts_unknown=False)
    assert not why_not(Pages(nowhere, nowhere), trusts_unknown=True)
