"""This file is the only door to the `ocpp` library; it guards that its exceptions and its lack of types stay behind it.

The library checks every payload, in both directions, against the JSON schemas that the Open Charge Alliance published.
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import ocpp.v16  # type: ignore[import-untyped] # the library has no type information
import ocpp.v16.call  # type: ignore[import-untyped]
import ocpp.v16.call_result  # type: ignore[import-untyped]
import ocpp.v201  # type: ignore[import-untyped]
import ocpp.v201.call  # type: ignore[import-untyped]
import ocpp.v201.call_result  # type: ignore[import-untyped]
from ocpp.exceptions import OCPPError  # type: ignore[import-untyped]

Payload = Mapping[str, Any]
"""A message's body with the specification's camelCase keys."""
Handler = Callable[..., Payload | Awaitable[Payload]]
"""Answers a call; gets the body's fields as snake_case keywords, nested ones too."""

SUBPROTOCOLS = ("ocpp2.0.1", "ocpp1.6")
"""The subprotocols that it speaks, the preferred one first."""

_CALL_TIMEOUT_S = 30.0
_LIBRARIES = {"ocpp1.6": ocpp.v16, "ocpp2.0.1": ocpp.v201}
_LOG = logging.getLogger(__name__)
_WIRE_LOG = logging.getLogger(f"{__name__}.wire")
_WIRE_LOG.setLevel(logging.ERROR)


class CallRefused(Exception):  # noqa: N818 - it is an answer, not a failure of ours
    """The other side answered CALLERROR, or with a body that its schema forbids."""


class Socket(Protocol):
    """What the library needs of a WebSocket."""

    async def recv(self) -> str | bytes:
        """Give the next message."""
        ...

    async def send(self, message: str) -> None:
        """Send a message."""
        ...


class Peer:
    """One end of one OCPP-J connection.

    Args:
        subprotocol: "ocpp1.6" or "ocpp2.0.1".
        charger: The charger's identity, for log lines.
        socket: The open WebSocket.
        handlers: Who answers which action; others are answered CALLERROR NotImplemented.
        timeout_s: How long a call waits for its answer.
    """

    def __init__(
        self,
        subprotocol: str,
        charger: str,
        socket: Socket,
        handlers: Mapping[str, Handler],
        timeout_s: float = _CALL_TIMEOUT_S,
    ) -> None:
        self._library = _LIBRARIES[subprotocol]
        self._point = self._library.ChargePoint(charger, socket, response_timeout=timeout_s, logger=_WIRE_LOG)
        for action, handler in handlers.items():
            self._point.route_map[action] = {"_on_action": self._answering(action, handler)}

    async def serve(self) -> None:
        """Answer calls and take in answers until the connection ends.

        Raises:
            websockets.exceptions.ConnectionClosed: It has ended.
        """
        await self._point.start()

    async def call(self, action: str, body: Payload, unique_id: str | None = None) -> Mapping[str, Any]:
        """Send a call and wait for its answer; calls of one peer wait for each other.

        Args:
            action: Action of the specification, for example "StartTransaction".
            body: Its payload.
            unique_id: Message id; a retry may carry the one of the first attempt. None makes one.

        Returns:
            The answer's fields in snake_case; absent optional fields are missing.

        Raises:
            CallRefused: See there.
            TimeoutError: No answer came in time.
        """
        kind = getattr(self._library.call, action)
        names = {field.name for field in dataclasses.fields(kind)}
        payload = kind(**{_snake(key): value for key, value in body.items() if _snake(key) in names})
        try:
            result = await self._point.call(payload, suppress=False, unique_id=unique_id)
        except TimeoutError as error:
            raise TimeoutError(action) from error
        except OCPPError as error:
            raise CallRefused(f"{action}: {error}") from error
        return {name: value for name, value in vars(result).items() if value is not None}

    def _answering(self, action: str, handler: Handler) -> Callable[..., Awaitable[Any]]:
        answer_kind = getattr(self._library.call_result, action)

        async def answer(**fields: Any) -> Any:  # noqa: ANN401 - a payload type of the untyped library
            body = handler(**fields)
            if isinstance(body, Awaitable):
                body = await body
            return answer_kind(**{_snake(key): value for key, value in body.items()})

        return answer


def _snake(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)
