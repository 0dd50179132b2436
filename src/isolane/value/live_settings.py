"""This file reads the settings again while the relay runs; it guards that a bad file changes nothing.

Live are `allow`, `origins`, `duplicates`, `limits`, `retrofit` and, where they were on at the start, `own_calls` but
for their port and audit: they hold for whom connects from then on. Nobody who is connected is dropped, and a connection
keeps what it began with. Any other change waits for a restart, and says so. Keys, certificates and credentials are
read again by key_files.py.
"""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from isolane.value.door.entrance import Entrance
from isolane.value.door.policy import Policy
from isolane.value.expiry import Expiries
from isolane.value.own_calls.settings import OwnCallsSettings
from isolane.value.settings import ValueSettings

_log = logging.getLogger(__name__)

_LIVE: Final = frozenset({"allow", "origins", "duplicates", "limits"})
_OPENED: Final = ("audit", "audit_bytes_max", "caller")
"""What own calls have in use since the start."""


class LiveSettings:
    """The settings in use.

    Args:
        settings: Those of the start.
        read: Reads the file again; raises IsolaneError where it cannot be used.
        entrance: Who is told.
        expiries: Who is told which certificates are in use.
    """

    def __init__(
        self, settings: ValueSettings, read: Callable[[], ValueSettings], entrance: Entrance, expiries: Expiries
    ) -> None:
        self._settings = settings
        self._read = read
        self._entrance = entrance
        self._expiries = expiries

    def reload(self) -> None:
        """Read the file again and use what is live of it.

        Raises:
            IsolaneError: It cannot be used, and nothing has changed.
        """
        new, entrance = self._read(), self._entrance
        live = set(_LIVE)
        if (used := self._with_retrofit(new)) is not None:
            entrance.admission.voices.hold_to(new.retrofit)
            self._expiries.watch(used.certificates)
            live.add("retrofit")
        if entrance.own_calls is not None and self._may_hold_to(new.own_calls):
            entrance.own_calls.hold_to(new.own_calls)
            live.add("own_calls")
        entrance.policy = Policy(None if new.allow is None else frozenset(new.allow), frozenset(new.origins))
        entrance.duplicates.policy = new.duplicates
        entrance.duplicates.probe_s = new.limits.probe_s
        entrance.upstream.hold_to(new.limits)
        entrance.hold_to(new.limits)
        # A secret has no equality, but says which one it is.
        waiting = [
            name
            for name in new.__struct_fields__
            if name not in live and repr(getattr(new, name)) != repr(getattr(self._settings, name))
        ]
        if waiting:
            _log.warning("settings-wait-for-restart keys=%s", ",".join(waiting))

    def _with_retrofit(self, new: ValueSettings) -> ValueSettings | None:
        """Give the settings in use with other `retrofit`; None where these need something else that has changed."""
        try:
            return msgspec.structs.replace(self._settings, retrofit=new.retrofit)
        except ValueError:
            return None

    def _may_hold_to(self, new: OwnCallsSettings) -> bool:
        """Tell whether own calls go on with the port and the audit that they have."""
        old = self._settings.own_calls
        return not new.enabled_for or all(getattr(new, name) == getattr(old, name) for name in _OPENED)
