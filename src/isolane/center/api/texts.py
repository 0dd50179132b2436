"""This file says what values of a request may be; it guards that no database is asked for what it cannot hold.

PostgreSQL takes no NUL; half a surrogate pair, which JSON can write, is refused where texts are read.
"""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import BeforeValidator, Field

TEXT: Final = r"^[^\x00]*$"
"""Any text without NUL."""
NAME: Final = r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"
"""What people, tokens, tenants and sites may be called; who makes one checks it."""

SitePath = Annotated[str, Path(max_length=64, pattern=TEXT)]
ChargerPath = Annotated[str, Path(max_length=80, pattern=TEXT, description="Identity, or gateway:<name>")]
SiteQuery = Annotated[str | None, Query(description="Only this site", max_length=64, pattern=TEXT)]
NUMBER_MAX: Final = 2**53
"""Greatest integer that every JSON reader takes as it is."""


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE: Final = BeforeValidator(_whole)
"""Of an integer in a strict body, after its bounds; to JSON 1.0 is one too."""
NewName = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT, json_schema_extra={"pattern": NAME})]
NumberPath = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
