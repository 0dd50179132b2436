"""Channel A beside Channel B on one thin link: what each way of sending telemetry costs the business.

Flow: `namespaces` makes sites and a world, `emulator` joins each site to it at a rate and a delay; `world` and `site`
start what runs there; `cells` lets rows take turns with A alone; `report` judges, `table` shows.
Lives here: links, loads and what is measured at the chargers.
Does not live here: pacing, which is the product's.
"""
