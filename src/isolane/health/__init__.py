"""CHANNEL B. Reads devices and the tap's events, samples, stores durably, and brings everything to the center.

Flow: sources → sampling → outbox → links; `pipeline` is the only file that knows all of them.
May import: a stage: core, wire, security, config, devices; never another stage. pipeline: the stages.
Lives here: sources/<protocol>, sampling, outbox, links/<protocol>, the assembly and the process's main coroutine.
Does not live here: anything of the business path; what a device's registers mean (devices); the center's store.
"""
