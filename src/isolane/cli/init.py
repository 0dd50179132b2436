"""This file is `isolane init`: a site's folder from a few answers."""

import argparse
import socket
from pathlib import Path

from isolane.cli import folder

DESCRIPTION = """\
Make a folder for one site: site.toml (relay, tap, health) and center.toml, every passage commented; mosquitto.conf
with its ACL; and pki/ with a private CA and certificates for the chargers' listener, the gateway, the broker and the
center. Nothing is ever overwritten. Afterwards: edit site.toml, run `isolane check`, move pki/ca.key to a safe place.

example:
  isolane init north --site north --gateway gw-1 --csms wss://csms.example/ocpp --host gw-1.lan
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to make")
    parser.add_argument("--site", default="site-1", help="site name: a-z 0-9 . _ - (default: site-1)")
    parser.add_argument(
        "--gateway", default="gateway-1", help="gateway name, unique at the center (default: gateway-1)"
    )
    parser.add_argument("--csms", default="wss://csms.example/ocpp", metavar="URL", help="base URL of the CSMS")
    parser.add_argument(
        "--host",
        action="append",
        metavar="NAME",
        help="name or address by which chargers reach this gateway; may be repeated (default: this machine's name)",
    )
    parser.add_argument(
        "--center-host",
        action="append",
        metavar="NAME",
        help="name or address by which gateways reach broker and center; may be repeated (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--link", choices=("mqtt", "https"), default="mqtt", help="how telemetry travels (default: mqtt)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the folder and say what is in it."""
    center_hosts = tuple(options.center_host or ("127.0.0.1", "localhost"))
    values = {
        "file": str(options.folder / "site.toml"),
        "value_metrics": "127.0.0.1:9101",
        "tap_metrics": "127.0.0.1:9102",
        "health_metrics": "127.0.0.1:9103",
        "center_metrics": "127.0.0.1:9104",
        "csms": options.csms,
        "csms_trust": '# Left out, the system\'s certificates are trusted.\n# ca = "csms-ca.pem"',
        "listen_ws": "127.0.0.1:8887",
        "listen_wss": "0.0.0.0:8888",
        "tap_more": "",
        "block_rows": "10",
        "sources": folder.passage("sources.toml", {}),
        "console": "127.0.0.1:8080",
        "ingest": "0.0.0.0:8443",
        "ingest_port": "8443",
        "broker_port": "8883",
        "broker_bind": "0.0.0.0",
        "broker_host": center_hosts[0],
        "center_host": center_hosts[0],
    }
    values["links"] = folder.passage(f"{options.link}.toml", values)
    values["mqtt"] = folder.passage("center-mqtt.toml", values) if options.link == "mqtt" else ""
    folder.make(
        folder.Plan(
            options.folder,
            options.site,
            options.gateway,
            tuple(options.host or (socket.gethostname(), "127.0.0.1")),
            center_hosts,
            values,
        )
    )
    print(f"""made {options.folder}/
  site.toml        the gateway: edit [value.csms], the chargers and devices under [[health.sources]]
  center.toml      the O&M center
  mosquitto.conf   the broker between them, with mosquitto.acl
  pki/             CA, keys and certificates; move pki/ca.key to a safe place
next: isolane check -c {options.folder}/site.toml""")
    return 0
