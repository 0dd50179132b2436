"""This file is Alembic's environment; it guards that all steps share their caller's transaction."""

from alembic import context

from isolane.center.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
