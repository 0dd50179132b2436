"""This file is `isolane center broker-config`; it guards that gateways and center never share a broker's listener."""

import argparse
import getpass
import secrets
from pathlib import Path

from isolane.cli.folder import passage
from isolane.cli.options import extra
from isolane.config.load import load
from isolane.config.values import Address
from isolane.core.failures import IsolaneError

_FOR_CENTER = "topic read isolane/+/+/up/#\ntopic write isolane/+/+/dn/#\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Write mosquitto.conf and its two access lists from [center.mqtt] and [center.enrolment]: a listener for "
        "gateways, who are certified by the issuing CA, and one for the center, at the address in [center.mqtt]."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write to; nothing is overwritten")
    parser.add_argument(
        "--gateways",
        type=Address.parse,
        required=True,
        metavar="HOST:PORT",
        help="where gateways connect, for example 0.0.0.0:8883",
    )
    parser.add_argument(
        "--certificate", type=Path, required=True, metavar="FILE", help="the broker's certificate chain, PEM"
    )
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="its key")
    parser.add_argument(
        "--worker", action="append", default=[], metavar="NAME", help="an ingest worker; may be repeated"
    )
    parser.add_argument(
        "--user", default=getpass.getuser(), metavar="NAME", help="whom the broker runs as (default: this user)"
    )
    parser.set_defaults(action=run)


def run(options: argparse.Namespace) -> int:
    """Write the folder and say what remains to be set."""
    with extra("center"):
        from isolane.center.enrolment_door import parts
        from isolane.center.settings import CenterSettings

    settings = load(options.config, "center", CenterSettings)
    enrolment, _ = parts(settings)
    mqtt = settings.mqtt
    if mqtt is None:
        raise IsolaneError("the center takes nothing from a broker", "set [center.mqtt]")
    if (mqtt.host, mqtt.port) == (options.gateways.host, options.gateways.port):
        raise IsolaneError("gateways and center cannot share a listener", "give them different ports")
    folder = options.folder.absolute()
    files = [mqtt, *(mqtt.of_worker(name) for name in options.worker)]
    users = dict.fromkeys(_common_name(each.certificate) for each in files if "{worker}" not in str(each.certificate))
    values = {
        "folder": str(folder),
        "issuer": str(enrolment.issuer),
        "certificate": str(options.certificate.absolute()),
        "key": str(options.key.absolute()),
        "gateways_port": str(options.gateways.port),
        "gateways_bind": options.gateways.host,
        "center_port": str(mqtt.port),
        "center_bind": mqtt.host,
        "center_ca": str(mqtt.ca),
        "user": options.user,
    }
    texts = {
        "mosquitto.conf": passage("enrolled-mosquitto.conf", values),
        "gateways.acl": passage("gateways.acl", {}),
        "center.acl": "".join(f"user {user}\n{_FOR_CENTER}" for user in users),
    }
    _write(folder, texts)
    print(f"""wrote {folder}/ mosquitto.conf, gateways.acl and center.acl
in [center.mqtt], so that nobody who is let in as a gateway can take the center's session over:
  client_id = "isolane-center-{secrets.token_hex(8)}"
in [center.enrolment], so that a lock-out ends what lives at the broker:
  ends_sessions = true
  broker_pid_file = "{folder}/mosquitto.pid"   # where center and broker run as one user on one machine""")
    return 0


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in texts:
            if (folder / name).exists():
                raise IsolaneError(f"{folder / name} is there already", "choose another folder")
        for name, text in texts.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise IsolaneError(f"cannot write {folder}: {error.strerror}", "choose a folder you may write to") from error


def _common_name(certificate: Path) -> str:
    """Give the name by which a broker knows who shows a certificate."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
        (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError) as error:
        raise IsolaneError(f"cannot read one name from {certificate}: {error}", "see [center.mqtt]") from error
    text = str(name.value)
    if not text.isprintable() or " " in text:
        raise IsolaneError(f"{text!r} cannot stand in an access list", "use a certificate with another name")
    return text
