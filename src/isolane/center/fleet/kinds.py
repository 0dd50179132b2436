"""This file names kinds of parts; it guards that the two contacts of a connector are of one kind."""

from isolane.center.store.health_views import PartHealth


def kind_of(part: PartHealth) -> tuple[str, str]:
    """Give component and measure without their instances."""
    return part.component.partition("[")[0], part.measure.partition("[")[0]
