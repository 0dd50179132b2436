"""Own calls: the one way by which anybody but the CSMS may ask a charger something. Off by default.

Flow: port (a caller's request) → service (may it?) → audit → leg (between two messages of the CSMS) → charger;
charger → leg (the reply is cut out of the stream) → service → port.
May import: what `isolane.value` may.
Lives here: the actions that may be asked, the cut, the hold of a CSMS's call, the port, the audit.
Does not live here: who may ask for what (the commands of Channel B decide that before they come here), signatures.
"""
