"""State of health over recorded data: `isolane soh`.

Purpose: let anybody see what the models say of data that is already there, before a gateway stands at the site.
Flow: CSV or Parquet → recording (1 Hz, by a map of columns) → the health room's models → report.
May import: what the CLI may; the health room, lazily.
Lives here: `command` (options), `map` (which column is which signal), `recording` (rows at 1 Hz), `replay` (models over
rows), `report` (what is written).
Does not live here: models (health.models), data of simulated years (sim.years).
"""

from isolane.cli.soh.command import DESCRIPTION, configure, run

__all__ = ["DESCRIPTION", "configure", "run"]
