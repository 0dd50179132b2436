"""The catalogue's schema, step by step.

Flow: a database of any earlier release goes in, one of this release comes out; `store.database` runs it at every start.
May import: alembic, sqlalchemy, the tables of the store.
Lives here: Alembic's environment and one file a step.
Does not live here: the telemetry's files, which carry their own version.
"""
