"""One file a step of the catalogue's schema, in the order of their numbers.

Flow: each step says which one it follows.
May import: alembic, sqlalchemy.
Lives here: steps that have been released; they are never changed.
Does not live here: the tables as they are now (store.tables).
"""
