"""This file has both tenants' gateways take commands; it guards that each case meets one of A's and one of B's.

Who proposes to whom is in one key manifest. Nobody has signed what is proposed, and no key is kept.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.screenshots.box import Box, appoint, key_of

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_views import Asked
from isolane.security.key_manifest import Role

VERB = "charger.reset"
_ROLES: dict[str, Role] = {"dispatcher": "operator", "engineer": "approver", "admin": "operator"}


async def fill_proposals(catalogue: SqlCatalogue, places: dict[str, tuple[str, str, str]]) -> None:
    """Enrol a gateway of each tenant and propose a command to it.

    Args:
        catalogue: The center's, that is not running.
        places: By a tenant's name, its site, gateway and charger.
    """
    commands = SqlCommands(catalogue)
    with TemporaryDirectory() as folder:
        people: dict[str, Role] = {
            f"{tenant}-{role}": may for tenant in (*places, "all") for role, may in _ROLES.items()
        }
        people |= {"rita": "root", "rob": "root"}
        await appoint(commands, {name: (role, key_of(Path(folder), name)) for name, role in people.items()})
        for tenant, (site, gateway, charger) in places.items():
            box = Box(catalogue, site, gateway, key_of(Path(folder), gateway))
            await box.enrol(commands)
            await box.state()
            person = f"{tenant}-dispatcher"
            asked = Asked(
                gateway=gateway, verb=VERB, args={"charger": charger}, person=person, ticket=f"of {tenant}",
                reason=f"of {tenant}", proposed_by=person, tenant=tenant,
            )  # fmt: skip
            await commands.propose(asked)
