"""One file a driver. Importing this package registers every step."""

from bench.attack.drivers import fault, http_raw, names, ocpp_sim, outside, renewal, tls_probe, ws_raw

__all__ = ["fault", "http_raw", "names", "ocpp_sim", "outside", "renewal", "tls_probe", "ws_raw"]
