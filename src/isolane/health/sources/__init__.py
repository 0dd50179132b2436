"""Where readings come from: one folder a protocol, each with the same files.

Flow: settings say what is connected; `catalogue` builds the sources; each emits readings, BAD ones with their reason.
May import: core, wire, security, config, devices.
Lives here: `settings` (the union of all protocols' tables), `catalogue` (the only file that knows every protocol),
    `cadence`, `rapid` (above 1 Hz), `patience`, `readings`, `secrets`, `metrics`, and for protocols without device
    templates `points` and `documents` (JSON); per protocol `settings` (its table), `connect` (the outside world),
    `plan` (what to ask for and which signals that gives), `decode` (bytes or facts to values, pure), `source` (the port
    `core.ports.Source`).
Does not live here: holding, ageing, scaling (sampling); what a device's registers mean (devices).
A new protocol is its folder, one line in `settings`, one branch in `catalogue` and one case of the conformance suite.
"""
