"""The door: from accept to the answer.

Flow: listen → head → handshake → access, legs/duplicates, upstream → the CSMS's own answer → legs.
May import: the rooms and files of value that decide and carry.
Lives here: ports and their TLS, one strict request, what of it may pass, the answer, and what is counted of strangers.
Does not live here: who may come in (access), the way to the CSMS (upstream), an open connection (legs).
"""
