"""This file makes either end of a conversation from the `ocpp` library; it guards that the library checks schemas."""

import importlib
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.interop.peers.journal import Journal
from ocpp.charge_point import ChargePoint, camel_to_snake_case  # type: ignore[import-untyped]
from ocpp.exceptions import OCPPError  # type: ignore[import-untyped]
from ocpp.routing import after, on  # type: ignore[import-untyped]
from websockets.asyncio.connection import Connection

CONVERSATION: dict[str, Any] = json.loads(Path(__file__).with_name("conversation.json").read_text(encoding="utf-8"))
VERSIONS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
LARGE = "\u00e4" * 150_000
"""What stands in for LARGE in the conversation."""
_MODULES = {"ocpp1.6": "ocpp.v16", "ocpp2.0.1": "ocpp.v201", "ocpp2.1": "ocpp.v21"}

logging.getLogger("ocpp").setLevel(logging.CRITICAL)

After = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None] | None]


class Written:
    """A connection whose received messages are written down."""

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal

    async def recv(self) -> str | bytes:
        """Receive."""
        data = await self._connection.recv()
        self._journal.message(data)
        return data

    async def send(self, data: str) -> None:
        """Send."""
        await self._connection.send(data)


def end(version: str, connection: Connection, journal: Journal, answers: dict[str, Any], then: After) -> Any:  # noqa: ANN401 - made below
    """Make an end that answers as told; everything else is for the library to refuse.

    Args:
        version: Subprotocol.
        connection: Open.
        journal: For what comes.
        answers: Payload by action.
        then: Called with action and payload when an answer has been sent.
    """
    results = importlib.import_module(f"{_MODULES[version]}.call_result")
    members: dict[str, Any] = {}
    for action, payload in answers.items():
        # The library finds its handlers by the names of functions.
        members[f"on_{action}"] = on(action)(_named(f"on_{action}", _answering(getattr(results, action), payload)))
        members[f"after_{action}"] = after(action)(_named(f"after_{action}", _going_on(then, action)))
    library: type[ChargePoint] = importlib.import_module(_MODULES[version]).ChargePoint
    return type("End", (library,), members)("CP", Written(connection, journal), response_timeout=10)


async def call(peer: Any, version: str, action: str, payload: dict[str, Any], journal: Journal) -> None:  # noqa: ANN401 - see `end`
    """Call, and write down what the library makes of the answer."""
    if payload.get("data") == "LARGE":
        payload = {**payload, "data": LARGE}
    request = getattr(importlib.import_module(f"{_MODULES[version]}.call"), action)
    try:
        result = await peer.call(request(**camel_to_snake_case(payload)), suppress=False)
        journal.add("result", f"{action} {result}")
    except OCPPError as error:
        journal.add("result", f"{action} {type(error).__name__} {error.description}")


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    function.__name__ = name
    return function


def _answering(result: Any, payload: dict[str, Any]) -> Callable[..., Any]:  # noqa: ANN401 - one of many dataclasses
    def answer(_self: object, **_request: object) -> Any:  # noqa: ANN401 - the same
        return result(**camel_to_snake_case(payload))

    return answer


def _going_on(then: After, action: str) -> Callable[..., Any]:
    def go_on(_self: object, **request: object) -> Coroutine[Any, Any, None] | None:
        return then(action, request)

    return go_on
