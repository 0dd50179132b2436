"""How messages reach the center, or somebody else's system, and the answers come back: one folder a protocol.

Flow: a link asks its cursor for the next message, brings it away, and hands the answers to the cursor. To isolane's
    center (`mqtt`, `https`) the message goes as it is. To a target (the others) its rows and facts go in the target's
    words, and the target's own success is the answer.
May import: core, wire, security, config.
Lives here: `port` (what a link is and what it is given), `settings` (the union of all protocols' tables), `catalogue`
    (the only file that knows every protocol), `backoff`, `traffic`, `counts`; for targets `target` (what their tables
    share), `rows` (samples out of blocks), `facts` (what is worth a log line), `names`, `forward` (the loop),
    `posting` (HTTP), `outcome`, `protocol_buffers`; per protocol `settings` (its table), `connect` (the library and
    TLS), `send` or `encode` (one message), `link` (the port).
Does not live here: what is sent when and how often (outbox/cursor); what is kept (outbox).
A new protocol is its folder, one line in `settings`, one branch in `catalogue`, one case of the conformance suite and
its section in docs/reference/links.md.
"""
