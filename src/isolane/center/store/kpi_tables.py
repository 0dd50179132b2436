"""This file defines the tables of figures; it guards that what a person excluded is withdrawn, never deleted.

Times are UTC in ms; `day` counts days since 1970. Runs and facts are texts of ``center.kpis``, which alone reads them.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import CHARGER_CHARS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, Table

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""An INTEGER key counts up by itself in SQLite; a BIGINT does not."""


class KpiDayRow(Table):
    """What a day was at one port: runs as they were read, facts made of them and of the days beside."""

    __tablename__ = "kpi_day"
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    charger: Mapped[str] = mapped_column(String(CHARGER_CHARS_MAX), primary_key=True)
    port: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, index=True)
    down_ms: Mapped[int]
    offline_ms: Mapped[int]
    unknown_ms: Mapped[int]
    runs: Mapped[bytes] = mapped_column(LargeBinary)
    facts: Mapped[bytes] = mapped_column(LargeBinary)


class KpiSiteDayRow(Table):
    """When samples of a past day last arrived for a site, and when its figures were computed; 0 for never."""

    __tablename__ = "kpi_site_day"
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    touched_ms: Mapped[int]
    computed_ms: Mapped[int]


class KpiExclusionRow(Table):
    """A time that uptime does not count, entered by somebody; port 0 is every port of the charger, charger "" all."""

    __tablename__ = "kpi_exclusion"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    charger: Mapped[str] = mapped_column(String(CHARGER_CHARS_MAX))
    port: Mapped[int]
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    reason: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    evidence: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    made_by: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    made_ms: Mapped[int]
    withdrawn_by: Mapped[str | None] = mapped_column(String(NAME_CHARS_MAX))
    withdrawn_ms: Mapped[int | None]


class KpiNameplateRow(Table):
    """What a charger is, from a time on, as somebody entered it."""

    __tablename__ = "kpi_nameplate"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    charger: Mapped[str] = mapped_column(String(CHARGER_CHARS_MAX))
    from_ms: Mapped[int]
    model: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    firmware: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    rated_w: Mapped[int]
    made_by: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    made_ms: Mapped[int]
