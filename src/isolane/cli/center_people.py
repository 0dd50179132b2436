"""This file is `isolane center user` and `isolane center tenant`; it guards that no password is ever an argument."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from isolane.cli.options import extra
from isolane.config.load import load
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.center.store.people_port import Desk

_ROLES = ("viewer", "dispatcher", "technician", "engineer", "admin")


def configure(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to those of the center."""
    user = kinds.add_parser("user", help="add, change and list users").add_subparsers(metavar="ACTION", required=True)
    # Abbreviated, `--password SECRET` would be taken for the file's option.
    add = user.add_parser("add", help="add a user; the password is asked for", allow_abbrev=False)
    change = user.add_parser("change", help="change role, tenants or state; all his sessions end")
    password = user.add_parser("password", help="set a password; all his sessions end", allow_abbrev=False)
    listing = user.add_parser("list", help="list users")
    for each in (add, change, password):
        each.add_argument("name", metavar="NAME", help="1 to 64 of a-z 0-9 . _ -")
    for each in (add, change):
        each.add_argument("--role", choices=_ROLES, required=each is add, help="what the user is")
        each.add_argument(
            "--tenant", action="append", metavar="NAME", help="tenant whose sites he sees; may be repeated (all: '*')"
        )
    state = change.add_mutually_exclusive_group()
    state.add_argument("--disable", action="store_true", help="let him in no more")
    state.add_argument("--enable", action="store_true", help="let him in again")
    for each in (add, password):
        each.add_argument("--password-file", type=Path, metavar="FILE", help="read the password from FILE's first line")
    add.add_argument("--no-password", action="store_true", help="only the identity provider vouches for him")
    tenant = kinds.add_parser("tenant", help="add tenants, give them sites").add_subparsers(
        metavar="ACTION", required=True
    )
    new = tenant.add_parser("add", help="add a tenant")
    new.add_argument("tenant", metavar="NAME")
    give = tenant.add_parser("give", help="give a site to a tenant")
    give.add_argument("tenant", metavar="TENANT")
    give.add_argument("site", metavar="SITE")
    tenants = tenant.add_parser("list", help="list tenants with their sites")
    actions = {
        add: _add,
        change: _change,
        password: _password,
        listing: _list,
        new: _add_tenant,
        give: _give,
        tenants: _list_tenants,
    }
    for each, action in actions.items():
        each.set_defaults(keep=action)
        # No default here: it would win over a file that stands before the command.
        each.add_argument(
            "-c", "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="settings file of the center"
        )


def keep(options: argparse.Namespace) -> int:
    """Do what was asked for, in the catalogue of the center; it may run meanwhile."""
    act: Callable[[Desk, argparse.Namespace], Awaitable[None]] = options.keep
    asyncio.run(_at_desk(options, act))
    return 0


async def _at_desk(options: argparse.Namespace, act: "Callable[[Desk, argparse.Namespace], Awaitable[None]]") -> None:
    with extra("center"):
        from isolane.center.people.office import Office
        from isolane.center.settings import CenterSettings
        from isolane.center.store.catalogue import SqlCatalogue
        from isolane.center.store.database import open_catalogue
        from isolane.center.store.people_views import Caller, Role, Visit, set_caller
        from isolane.center.store.revocations import RevocationLog, revocations_file

    settings = load(options.config, "center", CenterSettings)
    catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
    revocations = RevocationLog(revocations_file(settings.store, settings.data))
    office = Office(catalogue, settings.access, revocations=revocations)
    try:
        set_caller(Caller(f"terminal:{getpass.getuser()}", Role.ADMIN, None, None), Visit("terminal"))
        with _told():
            await act(office.desk, options)
    finally:
        office.close()
        await catalogue.close()


@contextmanager
def _told() -> Iterator[None]:
    from isolane.center.store.people_port import RefusedError

    try:
        yield
    except RefusedError as error:
        raise IsolaneError(error.sentence, "see isolane center user --help") from error


async def _add(desk: "Desk", options: argparse.Namespace) -> None:
    from isolane.center.store.people_port import NewPerson
    from isolane.center.store.people_views import EVERYWHERE, Role

    password = None if options.no_password else _asked(options)
    new = NewPerson(options.name, Role(options.role), options.tenant or [EVERYWHERE], password)
    made = await desk.add_person(new)
    print(f"added {made.name}, {made.role}, for {_all_or(made.tenants)}")


async def _change(desk: "Desk", options: argparse.Namespace) -> None:
    from isolane.center.store.people_port import PersonChange
    from isolane.center.store.people_views import Role

    disabled = True if options.disable else False if options.enable else None
    role = Role(options.role) if options.role else None
    made = await desk.change_person(options.name, PersonChange(role, options.tenant, disabled))
    print(f"{made.name} is {made.role} for {_all_or(made.tenants)}{', disabled' if made.disabled else ''}")


async def _password(desk: "Desk", options: argparse.Namespace) -> None:
    from isolane.center.store.people_port import PersonChange

    await desk.change_person(options.name, PersonChange(password=_asked(options)))
    print(f"{options.name} has a new password; all sessions have ended")


async def _list(desk: "Desk", _options: argparse.Namespace) -> None:
    for person in await desk.people():
        state = "disabled" if person.disabled else ""
        print(f"{person.name:<24} {person.role:<10} {' '.join(person.tenants):<24} {state}".rstrip())


async def _add_tenant(desk: "Desk", options: argparse.Namespace) -> None:
    print(f"added tenant {(await desk.add_tenant(options.tenant)).name}")


async def _give(desk: "Desk", options: argparse.Namespace) -> None:
    await desk.assign(options.site, options.tenant)
    print(f"site {options.site} belongs to {options.tenant}")


async def _list_tenants(desk: "Desk", _options: argparse.Namespace) -> None:
    for entry in await desk.tenants():
        print(f"{entry.name:<24} {' '.join(entry.sites)}".rstrip())


def _all_or(tenants: list[str]) -> str:
    return "all tenants" if tenants == ["*"] else ", ".join(tenants)


def _asked(options: argparse.Namespace) -> str:
    """Get a password: from the file, or twice from the terminal."""
    if options.password_file is not None:
        try:
            lines = options.password_file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise IsolaneError(f"cannot read {options.password_file}: {error.strerror}", "name another file") from error
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        raise IsolaneError("there is no terminal to ask for the password", "give --password-file FILE")
    password = getpass.getpass(f"Password for {options.name}: ")
    if getpass.getpass("Again: ") != password:
        raise IsolaneError("the two are different", "begin again")
    return password
