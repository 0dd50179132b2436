"""One file a driver. Importing this package registers every step."""

from bench.attack.drivers import (
    broker,
    canaries,
    centers,
    fault,
    http_raw,
    mqtt_client,
    names,
    ocpp_sim,
    outside,
    pseudonyms,
    renewal,
    storage,
    storm,
    tls_probe,
    ws_raw,
)

__all__ = [
    "broker", "canaries", "centers", "fault", "http_raw", "mqtt_client", "names", "ocpp_sim", "outside", "pseudonyms",
    "renewal", "storage", "storm", "tls_probe", "ws_raw",
]  # fmt: skip
