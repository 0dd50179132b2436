"""This file makes the bytes that people sign; it guards that they follow from the verb's declaration and a statement.

It is pure but for the random name. Who asks, and as what, is taken from the key manifest; class, people and interlocks
from the declaration; boot, challenge and version of the keys from what the gateway has signed last.
"""

import base64
import secrets
from dataclasses import dataclass
from typing import Final

from isolane.center.store.command_views import Asked, CommandError, GatewayStatement
from isolane.core import strict_json
from isolane.security.key_manifest import RIGHTS, Key, Trusted
from isolane.wire.command import LIFE_S_MAX, Approval, Command, CommandClass, Request, read, write
from isolane.wire.verbs.catalogue import declared

STATEMENT_AGE_S_MAX: Final = 15 * 60
"""A gateway states itself every ten minutes; a challenge is good for twenty."""
_TOKEN_BYTES: Final = 16
_ROLES: Final = ("viewer", "operator", "approver", "root")
"""Who has several keys asks as the first that suffices, so that an approver's is left to approve."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What a signature has to be judged by: the class, how many people, and who asked in which role."""

    kind: CommandClass
    need: int
    person: str
    role: str


def compose(
    asked: Asked, *, center: str, seq: int, statement: GatewayStatement | None, keys: Trusted | None, now_ms: int
) -> Command:
    """Make a command.

    Args:
        asked: What somebody wants.
        center: Who proposes it, the command's `iss`.
        seq: The center's count.
        statement: The gateway's latest.
        keys: The manifest in force.
        now_ms: UTC, ms.

    Raises:
        CommandError: See `Commands.propose`.
    """
    trusted = _keys(keys, now_ms)
    stated = _fresh(statement, asked.gateway, trusted, now_ms)
    try:
        verb = declared(asked.verb)
        pre = verb.pre(asked.args)
    except ValueError as error:
        raise CommandError("verb", str(error)) from error
    if not 1 <= asked.life_s <= LIFE_S_MAX:
        raise CommandError("verb", f"it has to live 1 to {LIFE_S_MAX} s")
    now_s = now_ms // 1000
    command = Command(
        v=1,
        jti=base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).rstrip(b"=").decode(),
        iss=center,
        aud=asked.gateway,
        verb=verb.name,
        args=asked.args,
        pre=pre,
        req=Request(
            sub=asked.person,
            role=_role(trusted, asked.person, verb.kind),
            ticket=asked.ticket,
            reason=asked.reason,
        ),
        appr=Approval(kind=verb.kind, need=verb.need),
        iat=now_s,
        nbf=now_s,
        exp=now_s + asked.life_s,
        boot=stated.boot,
        chal=stated.chal,
        seq=seq,
        keys_ver=stated.keys_ver,
    )
    try:
        read(write(command), Command)
    except ValueError as error:
        raise CommandError("verb", f"it makes no command: {error}") from error
    return command


def may_sign(signing: Signing, holder: Key, people: dict[str, str]) -> None:
    """Ask whether a key may sign a command.

    Args:
        signing: The command.
        holder: The key, as in the manifest.
        people: Who has signed, and in which role.

    Raises:
        CommandError: It may not.
    """
    if signing.kind not in RIGHTS[holder.role]:
        raise CommandError("rights", f"{holder.person} has no right to class {signing.kind} as {holder.role}")
    if holder.person in people:
        raise CommandError("signature", f"{holder.person} has signed it already")
    if holder.person == signing.person and holder.role != signing.role:
        raise CommandError("rights", f"{holder.person} asks as {signing.role}, and signs as that")


def is_complete(signing: Signing, people: dict[str, str]) -> bool:
    """Tell whether all have signed: who asked, enough people, and an approver where several are needed."""
    is_approved = signing.need == 1 or signing.kind == "R3" or "approver" in people.values()
    return people.get(signing.person) == signing.role and len(people) >= signing.need and is_approved


def arguments(payload: bytes) -> tuple[dict[str, object], tuple[str, ...]]:
    """Give arguments and interlocks of a payload that was made here."""
    told = strict_json.read(payload)
    command = told if isinstance(told, dict) else {}
    return dict(command.get("args", {})), tuple(command.get("pre", ()))


def _keys(keys: Trusted | None, now_ms: int) -> Trusted:
    if keys is None:
        raise CommandError("manifest", "the center has no key manifest")
    if keys.is_expired(now_ms / 1000):
        raise CommandError("manifest", "the key manifest has expired: gateways follow nobody until there is a new one")
    return keys


def _fresh(statement: GatewayStatement | None, gateway: str, keys: Trusted, now_ms: int) -> GatewayStatement:
    if statement is None:
        raise CommandError("statement", f"{gateway} has stated nothing, or is not enrolled")
    if now_ms - statement.received_ms > STATEMENT_AGE_S_MAX * 1000:
        raise CommandError("statement", f"the latest statement of {gateway} is older than a quarter of an hour")
    if statement.keys_ver != keys.manifest.version:
        told = f"{gateway} follows key manifest {statement.keys_ver}, here is {keys.manifest.version}"
        raise CommandError("keys", told)
    return statement


def _role(keys: Trusted, person: str, kind: CommandClass) -> str:
    roles = {each.role for each in keys.holders.values() if each.person == person}
    if not roles:
        raise CommandError("person", f"{person} has no key in the manifest")
    found = next((role for role in _ROLES if role in roles and kind in RIGHTS[role]), None)
    if found is None:
        raise CommandError("person", f"{person} has no right to class {kind}")
    return found
