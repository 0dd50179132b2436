"""This file is Alembic's environment; it guards that all steps share their caller's transaction."""

from alembic import context

from isolane.center.store import (
    alert_tables,
    command_tables,
    enrolment_tables,
    health_tables,
    inbox_tables,
    kpi_tables,
    paper_tables,
    people_tables,
    snapshot_tables,
)
from isolane.center.store.tables import Table

_OTHERS = (
    alert_tables,
    command_tables,
    enrolment_tables,
    health_tables,
    inbox_tables,
    kpi_tables,
    paper_tables,
    people_tables,
    snapshot_tables,
)
"""Tables that stand in files of their own; to import them is to know them."""

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
