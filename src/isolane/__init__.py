"""isolane: OCPP Secure O&M Gateway, business and health of EV chargers on two isolated channels.

The rooms, and who may import whom, are described in ARCHITECTURE.md and enforced by `make check`.
"""

__version__ = "0.1.0"
