"""Values that others publish on a broker on the site: building control, sensors, other gateways.

Flow: subscribe → message → JSON → path → value → readings.
May import: core, config, devices (units), security, aiomqtt.
Lives here: one broker a source, any number of topics.
Does not live here: the link to the center, which has a broker of its own; publishing.
"""
