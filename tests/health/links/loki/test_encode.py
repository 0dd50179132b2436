"""This file tests Loki's push request; it guards that streams stay few and lines stay whole."""

import json

import pytest

from isolane.core.failures import IsolaneError
from isolane.health.links.facts import Fact
from isolane.health.links.loki.encode import push
from isolane.health.links.loki.settings import LokiSettings


def test_a_stream_is_a_charger_and_a_kind_of_event() -> None:
    facts = [
        Fact(2, "state", False, "CP-1", {"signal": 'a "quoted" one', "to": 2}),
        Fact(1, "state", False, "CP-1", {"to": 1}),
        Fact(3, "gap", True, fields={"samples": 7}),
    ]
    assert json.loads(push(facts, {"job": "isolane"})) == {
        "streams": [
            {
                "stream": {"job": "isolane", "event": "state", "level": "info", "charger": "CP-1"},
                "values": [["1000000", '{"to":1}'], ["2000000", '{"signal":"a \\"quoted\\" one","to":2}']],
            },
            {
                "stream": {"job": "isolane", "event": "gap", "level": "warn"},
                "values": [["3000000", '{"samples":7}']],
            },
        ]
    }


@pytest.mark.parametrize("name", ["charger", "level", "__x"])
def test_our_own_labels_cannot_be_set(name: str) -> None:
    with pytest.raises(IsolaneError, match="isolane's own"):
        LokiSettings(url="https://x", labels={name: "y"})
