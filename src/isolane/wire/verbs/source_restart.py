"""This file declares the verb `source.restart`; it guards that only a source of the settings can be named."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration, Part


class SourceRestartArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which."""

    source: Annotated[Part, msgspec.Meta(description="Name of a source of the gateway's settings")]


def _told(arguments: SourceRestartArguments) -> str:
    return f"source {arguments.source}"


SOURCE_RESTART: Final = Declaration(
    name="source.restart",
    kind="R1",
    need=1,
    arguments=SourceRestartArguments,
    timeout_s=30.0,
    words="end a source's connections to its devices and begin anew. Other sources go on; so does charging.",
    told=_told,
    result="`restarts`, how often this source was begun anew by a command since the process started",
)
