"""HTTPS straight to the center, where no broker is: POSTs, the answer in the response.

Flow: what is due goes to `/ingest/v1/<site>/<gateway>/bundle`, a single message to `.../<kind>`, one POST after the
other over one kept connection.
May import: core, wire, security, config, httpx.
Lives here: the client, what each status means, how many messages go in one POST, retry.
Does not live here: what is sent next, and when again.
"""
