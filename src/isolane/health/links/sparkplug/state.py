"""This file follows the primary host's STATE; it guards that an old message never decides.

Source: Sparkplug 3.0, 5.4 and 6.4.25: JSON with `online` and `timestamp`; one older than the last is ignored.
"""

import msgspec


class _State(msgspec.Struct, frozen=True):
    online: bool
    timestamp: int


class HostState:
    """Whether the primary host is there; without one configured it always is.

    Args:
        host: Its id, or None.
    """

    def __init__(self, host: str | None) -> None:
        self.topic = None if host is None else f"spBv1.0/STATE/{host}"
        self._online = False
        self._timestamp = -1

    @property
    def online(self) -> bool:
        """Whether births and data may be published."""
        return self.topic is None or self._online

    def forget(self) -> None:
        """A new session begins: the broker will tell the state anew."""
        self._online = False
        self._timestamp = -1

    def take(self, payload: bytes) -> None:
        """Take a STATE message.

        Raises:
            ValueError: It is not one.
        """
        state = msgspec.json.decode(payload, type=_State)
        if state.timestamp >= self._timestamp:
            self._online, self._timestamp = state.online, state.timestamp
