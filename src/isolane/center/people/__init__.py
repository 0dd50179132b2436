"""Who may ask the center for what: people and machines, their roles, tenants, sessions and tokens.

Flow: a cookie or token -> who it is -> what he may do, on which sites -> the API and the console go on, or not.
May import: core, wire, security, config, center.store.
Lives here: passwords, log-in and its limits, sessions, tokens, OIDC, and the one table of rights.
Does not live here: paths (api, console), where users are kept (store).
"""
