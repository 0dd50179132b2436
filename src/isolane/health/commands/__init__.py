"""Commands: what a gateway does when people sign it, and nothing else.

Flow: bytes come in by `Desk.receive`; the gate decides, `seen` and `journal` have it on the disk before anything is
    done, a verb runs, a signed receipt goes out. `health/command_room.py` joins it to links and outbox.
Interface for whoever brings commands: build a `Desk`; call `await desk.start()` once; hand every envelope that comes,
    in any order and as often as it comes, to `await desk.receive(data)`, several at a time if they come so; call
    `await desk.tend()` at least every 10 s, which sends statements and signs checkpoints when they are due; manifests
    go to `await desk.renew(data)`. What goes out, receipts and statements, is handed to `Out`. Nothing that comes
    from outside makes one of these raise.
May import: core, wire, security, config, devices.
Lives here: challenges, the gate, what was seen, the audit on disk, freeze, receipts, the verbs; interlocks, and
    what the tap tells of chargers; own calls to chargers; doors for what chargers upload.
Does not live here: MQTT and HTTPS (links), the numbers of papers (outbox), who proposes and relays (center).
"""
