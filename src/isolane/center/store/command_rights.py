"""This file says who at the center may propose which class of command; it guards that a viewer proposes none.

It is the lesser of two bounds: what a gateway does is decided by the signatures of people whom the key manifest names.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from isolane.center.store.people_views import Caller, Role

CLASSES: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {
        Role.VIEWER: frozenset(),
        Role.DISPATCHER: frozenset({"R0", "R1", "R2", "R4"}),
        Role.TECHNICIAN: frozenset({"R0", "R1", "R4"}),
        Role.ENGINEER: frozenset({"R0", "R1", "R2", "R4"}),
        Role.ADMIN: frozenset({"R0", "R1", "R2", "R3", "R4"}),
    }
)
"""Classes that a role may propose."""


def may_propose(who: Caller, kind: str) -> bool:
    """Tell whether somebody may propose a class; programs, and nobody at a center without people, propose none."""
    return bool(who.name) and who.role is not None and kind in CLASSES[who.role]
