"""`isolane device`: what stands between a meter in a cupboard and its template in the settings.

Flow: `command` takes the words apart; `listing` shows templates, `scanning` finds devices, `reading` shows live values,
`skeleton` begins a template of one's own.
May import: everything, lazily.
Lives here: what a person or a script sees of devices.
Does not live here: scanning itself (health.sources.discovery), polling (health.sources.modbus), templates (devices).
"""

from isolane.cli.device.command import DESCRIPTION, configure, run

__all__ = ["DESCRIPTION", "configure", "run"]
