"""What the registers of a device model mean: one TOML a model, named <maker>_<model>, with the page it was read from.

Flow: a template's name goes in, checked points come out; `sources` turns them into requests and values.
May import: core, msgspec.
Lives here: the templates, their form (`point`), their loading and checking (`template`).
Does not live here: talking to a device; which charger a device belongs to (settings); code for one model.
"""
