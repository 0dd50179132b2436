"""This file states how figures of response are asked for; it guards that what nobody can know is None, with its reason.

docs/reference/kpis.md has each figure's equation and source.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ResponseLine:
    """How fast a site's faults were seen, taken and mended.

    Attributes:
        site: Site name; "" for all of them together.
        alarms: Alarms of level L2 and above that were opened in the month.
        acknowledged: Those of them that somebody has acknowledged.
        mtta_min: Mean time from opening to acknowledgement, min.
        failures: Failures that began in the month and whose begin was seen.
        detected: Those of them that an alarm about the charger has told.
        mttd_min: Mean time from a failure's begin to that alarm, min.
        onset_to_ack_min: Mean time from a failure's begin to the acknowledgement of that alarm, min.
        jobs: Alarms of level L3 and above that somebody had taken and that were closed in the month.
        jobs_judged: Those of them of which it is known whether they came again within 14 days.
        first_time_fix_percent: Of these, how many did not.
        repeat_visit_percent: Of these, how many did.
        no_fault_found_percent: Jobs in which nothing was found; None, since nothing records it.
        reasons: Of each figure above that is None, why.
    """

    site: str
    alarms: int
    acknowledged: int
    mtta_min: float | None
    failures: int
    detected: int
    mttd_min: float | None
    onset_to_ack_min: float | None
    jobs: int
    jobs_judged: int
    first_time_fix_percent: float | None
    repeat_visit_percent: float | None
    no_fault_found_percent: float | None
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class ResponseReport:
    """Figures of a month.

    Attributes:
        month: As "2026-10".
        from_ms: Begin, UTC ms.
        to_ms: First instant after; of a month that goes on the end of the last day that is over.
        lines: By site.
        total: All of them together.
    """

    month: str
    from_ms: int
    to_ms: int
    lines: list[ResponseLine]
    total: ResponseLine


class Responses(Protocol):
    """Figures of response."""

    async def response(self, month: str, sites: frozenset[str] | None = None) -> ResponseReport:
        """Give a month's figures.

        Args:
            month: As "2026-10".
            sites: Only these; None for all.

        Raises:
            ValueError: That is no month.
            OSError: The store cannot be read.
        """
        ...
