"""This file says which names are valid; it guards that a name can stand in a path, a topic and a label unescaped.

A charger's identity is the CSMS's to choose, so it may hold any printable character OCPP allows; names that *we* choose
(site, gateway) are held to the small alphabet that MQTT topics, certificates and file names share.
"""

import re

from isolane.core.failures import IsolaneError

CHARGER_ID_CHARS_MAX = 48
"""OCPP 2.0.1 part 4, 3.1.1: the identity is at most 48 characters. 1.6 gives no bound; 48 serves both."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def check_name(kind: str, name: str) -> str:
    """Return a site or gateway name, or say what is wrong with it.

    Args:
        kind: The word for it in the error sentence, for example "gateway".
        name: 1 to 64 of the characters a-z 0-9 . _ -, first and last a letter or digit.

    Raises:
        IsolaneError: The name does not have that form.
    """
    if not _NAME.fullmatch(name):
        raise IsolaneError(
            f"{kind} name {name!r} cannot stand in an MQTT topic and a certificate",
            "use 1 to 64 of a-z 0-9 . _ - and begin and end with a letter or digit",
        )
    return name


def is_charger_id(identity: str) -> bool:
    """Tell whether a decoded identity may be relayed.

    1 to 48 printable characters, none of which parts a URL or a credential.

    Source: OCPP-J 1.6 §3.1.1; OCPP 2.0.1 part 4 §3.1.1 (identifierString, ':' excluded for HTTP Basic).
    """
    return (
        0 < len(identity) <= CHARGER_ID_CHARS_MAX
        and identity.isprintable()
        and identity not in {".", ".."}
        and not any(char in ":/\\?#" for char in identity)
    )
