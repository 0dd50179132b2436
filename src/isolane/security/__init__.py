"""Keys, certificates and TLS contexts.

Flow: paths and names go in; contexts and files come out.
May import: core.
Lives here: the private CA that `isolane init` makes, and the TLS settings every listener and link uses.
Does not live here: protocol authentication (value), broker configuration (deploy).
"""
