"""This file reads the settings again while the relay runs; it guards that a bad file changes nothing.

Live are `allow`, `origins`, `duplicates` and `limits`: they hold for whom connects from then on. Nobody who is
connected is dropped, and a connection keeps the limits it began with. Any other change waits for a restart, and says
so. Keys, certificates and credentials are read again by key_files.py.
"""

import logging
from collections.abc import Callable
from typing import Final

from isolane.value.entrance import Entrance
from isolane.value.policy import Policy
from isolane.value.settings import ValueSettings

_log = logging.getLogger(__name__)

_LIVE: Final = frozenset({"allow", "origins", "duplicates", "limits"})


class LiveSettings:
    """The settings in use.

    Args:
        settings: Those of the start.
        read: Reads the file again; raises IsolaneError where it cannot be used.
        entrance: Who is told.
    """

    def __init__(self, settings: ValueSettings, read: Callable[[], ValueSettings], entrance: Entrance) -> None:
        self._settings = settings
        self._read = read
        self._entrance = entrance

    def reload(self) -> None:
        """Read the file again and use what is live of it.

        Raises:
            IsolaneError: It cannot be used, and nothing has changed.
        """
        new, old, entrance = self._read(), self._settings, self._entrance
        # A secret has no equality, but says which one it is.
        waiting = [
            name
            for name in new.__struct_fields__
            if name not in _LIVE and repr(getattr(new, name)) != repr(getattr(old, name))
        ]
        if waiting:
            _log.warning("settings-wait-for-restart keys=%s", ",".join(waiting))
        entrance.policy = Policy(None if new.allow is None else frozenset(new.allow), frozenset(new.origins))
        entrance.duplicates.policy = new.duplicates
        entrance.duplicates.probe_s = new.limits.probe_s
        entrance.upstream.hold_to(new.limits)
        entrance.hold_to(new.limits)
