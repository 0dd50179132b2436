"""What whole fleets tell of parts that one charger cannot.

Flow: the store's books of health and figures -> pure functions -> `store.fleet_port`, for API and console.
May import: core, wire, security, config, center/store; scipy lazily (extra `fleet`).
Lives here: cohorts, curves of life, spare parts, the list with the worst first.
Does not live here: models of single parts (gateway), alerts, pages.
"""
