"""Syslog (RFC 5424) over TLS (RFC 5425): what happened, for a log server or a SIEM; no samples.

Flow: facts become messages with structured data, each counted in octets, over one kept connection.
May import: core, wire, security, config.
Lives here: the message, the connection, how much "delivered" can mean here.
Does not live here: the loop and its retries (links/forward), what a fact is (links/facts).
"""
