"""HTTPS straight to the center, where no broker is: one POST a message, the answer in the response.

Flow: messages go to `/ingest/v1/<site>/<gateway>/<kind>`, one after the other over one kept connection.
May import: core, wire, security, config, httpx.
Lives here: the client, what each status means, retry.
Does not live here: what is sent next, and when again.
"""
