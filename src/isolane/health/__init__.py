"""CHANNEL B. Reads devices and the tap's events, samples, stores durably, and brings everything to the center.

Flow: sources → sampling → outbox → links; `pipeline` is the only file that knows all of them, and `rhythm` the two in
    the middle.
May import: a stage: core, wire, security, config, devices; never another stage. pipeline and rhythm: the
    stages.
Lives here: sources/<protocol>, sampling, outbox, links/<protocol>, the assembly, the process's main coroutine.
Does not live here: anything of the business path; what a device's registers mean (devices); the center's store.
"""
