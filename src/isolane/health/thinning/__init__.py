"""What is sent when not every sample can be: fewer values, with a stated bound on what is left out.

Flow: a block's values and codes come in; a mask of what is kept comes out, or four summaries of its minute. The block
    as it was goes to a ring of files on the gateway's disk, and comes out of it when somebody asks for that time.
May import: core, wire, config.
Lives here: deadband, bounded error, minutes; the ring of what was thinned, at full rate; their settings.
Does not live here: which rung is right (budget); blocks that are sent, numbers and books (outbox).

What is in the ring is a copy: its samples are in the books as sent or thinned, and it is never missed by them.
"""
