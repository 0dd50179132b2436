"""What the tap saw on the business channel, as readings: connection facts, states, metered values.

Flow: the tap connects to the event socket and sends packets → decode → what is known of each charger → readings.
May import: core, wire, config.
Lives here: the listening end of the event socket, the enumeration of states as numbers.
Does not live here: reading OCPP messages (tap); anything that could answer on the business channel.
"""
