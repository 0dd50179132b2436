"""This file asks who may propose what; it guards that nobody without a name and a role proposes anything."""

import pytest

from isolane.center.store.command_rights import CLASSES, may_propose
from isolane.center.store.people_views import Caller, Role, Scope

KINDS = ("R0", "R1", "R2", "R3", "R4")


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        (Role.VIEWER, ""),
        (Role.DISPATCHER, "R0 R1 R2 R4"),
        (Role.TECHNICIAN, "R0 R1 R4"),
        (Role.ENGINEER, "R0 R1 R2 R4"),
        (Role.ADMIN, "R0 R1 R2 R3 R4"),
    ],
)
def test_each_role_has_its_classes(role: Role, kinds: str) -> None:
    who = Caller("ann", role, None, None)
    assert " ".join(kind for kind in KINDS if may_propose(who, kind)) == kinds
    assert set(CLASSES) == set(Role)


def test_programs_and_nobody_propose_nothing() -> None:
    program = Caller("robot", None, None, None, frozenset(Scope))
    nobody = Caller("", Role.ADMIN, None, None, open=True)
    assert not any(may_propose(who, kind) for who in (program, nobody) for kind in KINDS)
