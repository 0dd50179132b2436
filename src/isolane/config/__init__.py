"""One TOML file, a table per room, read into that room's own settings.

Flow: TOML text goes in, a typed settings object or a sentence that says what is wrong and where comes out.
May import: core.
Lives here: loading, unknown-key suggestions, secret references.
Does not live here: the settings themselves: each room owns its `settings.py`.
"""
