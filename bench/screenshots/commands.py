"""This file has people propose commands to the first gateway; it guards that each page of commands has its all."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.screenshots.box import Box, appoint, key_of, signature
from bench.screenshots.fleet import Gateway

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_views import Asked
from isolane.security.key_manifest import Role
from isolane.wire.receipt import StateName

COMMANDS: list[dict[str, str]] = []
"""Names of the scene's commands, as examples of the page's path; filled when a scene is made."""
_HOSTILE = "<img src=x onerror=alert(1)>"


async def send_commands(catalogue: SqlCatalogue, gateway: Gateway, user: str) -> None:
    """Propose some in a user's name, and have the gateway answer two of them."""
    commands = SqlCommands(catalogue)
    roles: dict[str, Role] = {"rita": "root", "rob": "root", user: "operator", "bob": "approver"}
    with TemporaryDirectory() as folder:
        people = {name: (role, key_of(Path(folder), name)) for name, role in roles.items()}
        box = Box(catalogue, gateway.site, gateway.name, key_of(Path(folder), gateway.name))
    await appoint(commands, people)
    await box.enrol(commands)
    await box.state()
    COMMANDS.clear()
    plan: tuple[tuple[str, dict[str, object], StateName | None], ...] = (
        ("charger.reset", {"charger": "DE-ISO-HAF-02"}, "done"),
        ("status", {}, "refused"),
        ("charger.reset", {"charger": "DE-ISO-HAF-03"}, None),
    )
    for verb, args, state in plan:
        asked = Asked(
            gateway=box.name, verb=verb, args=args, person=user, ticket="T-1", reason=_HOSTILE, proposed_by=user
        )
        made = await commands.propose(asked)
        COMMANDS.append({"jti": made.jti})
        for name in (user, "bob") if state else (user,):
            if len(made.people) < made.need:
                made = await commands.sign(made.jti, *signature(made.payload, people[name][1]))
        if state:
            await box.answer(made, state, "" if state == "done" else "rate", _HOSTILE, _HOSTILE)
            await box.state(len(box.tree) - 1)
