"""This file defines the remote-write link's table; it guards that a label of ours cannot be renamed by a setting."""

from typing import Annotated

import msgspec

from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import NAME
from isolane.health.links.target import HttpTargetSettings

OWN_LABELS = frozenset(
    {"charger", "component", "component_instance", "connector", "evse", "gateway", "site", "variable_instance"}
)

LabelName = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]


class RemoteWriteSettings(
    HttpTargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="remote_write"
):
    """A receiver of Prometheus remote write 1.0; `url` is the whole address, such as https://host/api/v1/write."""

    name: Annotated[str, NAME] = "remote-write"
    labels: Annotated[
        dict[LabelName, str], msgspec.Meta(description="Further labels of every series, such as job or cluster")
    ] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse labels that are ours."""
        super().__post_init__()
        taken = sorted(name for name in self.labels if name in OWN_LABELS or name.startswith("__"))
        if taken:
            raise IsolaneError(f"the label {taken[0]!r} is isolane's own", "give the further label another name")
