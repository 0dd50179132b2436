"""CHANNEL B. Reads devices and the tap's events, samples, stores durably, and brings everything to the center.

Flow: sources → sampling → outbox → links; `pipeline` is the only file that knows all of them, and `rhythm` the two in
    the middle.
May import: a stage: core, wire, security, config, devices; never another stage; mqtt_session. pipeline and rhythm:
    the stages.
Lives here: sources/<protocol>, sampling, outbox, links/<protocol>, the assembly, the process's main coroutine, and
    mqtt_session, in which sources and links mend one library.
Does not live here: anything of the business path; what a device's registers mean (devices); the center's store.
"""
