"""How messages reach the center and its answers come back: one folder a protocol, each with the same files.

Flow: a link asks its cursor for the next message, brings it away, and hands the center's answers to the cursor.
May import: core, wire, security, config.
Lives here: `port` (what a link is and what it is given), `settings` (the union of all protocols' tables), `catalogue`
(the
    only file that knows every protocol), `backoff`, `traffic`, `counts`; per protocol `settings` (its table), `connect`
    (the library and TLS), `send` (one message), `link` (the port: sessions, retry, answers).
Does not live here: what is sent when and how often (outbox/cursor); what is kept (outbox).
A new protocol is its folder, one line in `settings`, one branch in `catalogue` and one case of the conformance suite.
"""
