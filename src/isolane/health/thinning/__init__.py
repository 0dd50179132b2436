"""What is sent when not every sample can be: fewer values, with a stated bound on what is left out.

Flow: a block's values and codes come in; a mask of what is kept comes out, or four summaries of its minute.
May import: core, wire, config.
Lives here: deadband, bounded error, minutes, and their settings.
Does not live here: which rung is right (budget); blocks, numbers and books (outbox).

A rung changes what is put into blocks, so what is left out is not kept on the gateway's disk either: the outbox holds
what is to be sent. Full-rate rows of the past are the recorder's.
"""
