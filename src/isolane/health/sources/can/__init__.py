"""What is on a CAN bus: battery packs, power modules, vehicle-side controllers, named by a DBC file.

Flow: frames → the newest of each message → DBC → values → readings.
May import: core, config, devices (units), can and cantools (the extra `can`, loaded only when a table asks for it).
Lives here: listening on one bus.
Does not live here: sending frames, which this channel never does; setting up the interface (the operating system).
"""
