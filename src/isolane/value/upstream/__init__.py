"""The way to the CSMS: its endpoints, whose turn it is to dial, and its answer.

Flow: door, access → dial → (endpoints, reach) → an open leg and the answer to it.
May import: legs/stream, legs/tls_stream, legs/pace; door/handshake and door/head for what is asked and answered.
Lives here: fail-over and fail-back, the token bucket, DNS, and the figures of all of them.
Does not live here: the leg once the charger has been answered (legs).
"""
