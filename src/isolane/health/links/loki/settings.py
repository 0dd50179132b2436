"""This file defines the Loki link's table; it guards that a label of ours cannot be renamed by a setting."""

from typing import Annotated

import msgspec

from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import NAME
from isolane.health.links.target import HttpTargetSettings

_OWN = frozenset({"charger", "event", "gateway", "level", "site"})


class LokiSettings(
    HttpTargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="loki"
):
    """A Loki; `url` is the whole address, such as https://host/loki/api/v1/push."""

    name: Annotated[str, NAME] = "loki"
    labels: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")], str],
        msgspec.Meta(description="Further labels of every stream, such as job"),
    ] = msgspec.field(default_factory=lambda: {"job": "isolane"})

    def __post_init__(self) -> None:
        """Refuse labels that are ours."""
        super().__post_init__()
        for name in self.labels:
            if name in _OWN or name.startswith("__"):
                raise IsolaneError(f"the label {name!r} is isolane's own", "give the further label another name")
