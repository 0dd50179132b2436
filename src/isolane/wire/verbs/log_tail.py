"""This file declares the verb `log.tail`; it guards that what it reads is of this process and without personal data."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration


class LogTailArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much."""

    lines: Annotated[int, msgspec.Meta(ge=1, le=300, description="How many of the newest lines, 1 to 300")] = 100


def _told(arguments: LogTailArguments) -> str:
    return f"the newest {arguments.lines} lines"


LOG_TAIL: Final = Declaration(
    name="log.tail",
    kind="R0",
    need=1,
    arguments=LogTailArguments,
    timeout_s=5.0,
    words="read the newest log lines of the health process, without texts from outside. It changes nothing.",
    told=_told,
    result="`lines`, each with `at` (UTC, ms), `level`, `logger`, `text`; `lost`, how many more came than were kept",
)
