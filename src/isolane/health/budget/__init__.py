"""What Channel B may use of the uplink, and when: never what Channel A needs, never more than was paid for.

Flow: a link asks `way_out` for a connection and gets one end of a socket pair; `passage` carries what is written there
to the real socket when `turnstile` says so, which asks `bucket` (kbit/s) and `yielding` and `ease` (what A does).
`month` counts megabytes, `ladder` says how much is to be thinned.
May import: core, wire, security, config, devices; no other stage.
Lives here: pacing, yielding to A, the month's books, the decision how far to degrade, and their metrics.
Does not live here: TLS and protocols (links), which message goes first (outbox), how rows are thinned.
"""
