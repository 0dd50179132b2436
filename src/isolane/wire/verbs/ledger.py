"""This file declares the verb `ledger`, the outbox's books; it guards that it is one that only reads."""

from typing import Annotated, Final

import msgspec

from isolane.core.strict_json import INTEGER_MAX
from isolane.wire.verbs.declaration import Arguments, Declaration


class LedgerArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which epoch."""

    epoch: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)] | None,
        msgspec.Meta(description="Of the outbox; absent: the current one"),
    ] = None


def _told(arguments: LedgerArguments) -> str:
    return "of the current epoch" if arguments.epoch is None else f"of epoch {arguments.epoch}"


LEDGER: Final = Declaration(
    name="ledger",
    kind="R0",
    need=1,
    arguments=LedgerArguments,
    timeout_s=10.0,
    words="read the outbox's books: samples produced, delivered, dropped and waiting. It changes nothing.",
    told=_told,
    result="`books` of the outbox, null where there are none",
)
