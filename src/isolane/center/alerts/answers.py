"""This file judges what an HTTP server answered; it guards that a refusal for good is not tried for ever."""

import httpx

from isolane.center.alerts.ways import AgainError, HopelessError

_WORTH_AGAIN = frozenset({401, 403, 404, 407, 408, 421, 423, 425, 429})
"""A server that is being set up answers so; the message itself is not refused."""
_OK = range(200, 300)
_REFUSED = range(400, 500)


def judge(status: int) -> str:
    """Give the word for an answer that took the message.

    Raises:
        AgainError: The server cannot take it now, or points elsewhere, which is never followed.
        HopelessError: The server will never take this message.
    """
    if status in _OK:
        return f"HTTP {status}"
    if status in _REFUSED and status not in _WORTH_AGAIN:
        raise HopelessError(f"HTTP {status}")
    raise AgainError(f"HTTP {status}")


def reason(error: httpx.HTTPError) -> AgainError:
    """Word a failure of the connection."""
    return AgainError(f"{type(error).__name__}: {error}"[:300])
