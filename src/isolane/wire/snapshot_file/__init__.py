"""A snapshot's file: read, checked, and told to people, at the gateway and at the center alike.

Flow: bytes, whole or cut anywhere → parts (`anatomy`) → what they say of themselves, checked (`manifest`).
May import: core.
Lives here: what an MCAP file of isolane's has in it, and how that is seen to be as it was written.
Does not live here: when one is taken and how it is written (health's recorder), where it is kept, whose key is right.
"""
