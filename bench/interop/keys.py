"""This file makes the keys of a run; it guards that each charger, the gateway and the CSMS have their own.

All are from one authority. A charger's CN is its identity, as OCPP demands of a client certificate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Keys:
    """A folder of PEM files: `ca`, `stranger`, and a chain and a key for server, gateway and each identity."""

    folder: Path

    def certificate(self, name: str) -> str:
        """Give the path of a chain."""
        return str(self.folder / f"{name}.pem")

    def key(self, name: str) -> str:
        """Give the path of a key."""
        return str(self.folder / f"{name}.key")


def make(folder: Path, identities: Iterable[str]) -> Keys:
    """Make them."""
    authority = trustme.CA()
    keys = Keys(folder)
    authority.cert_pem.write_to_path(keys.certificate("ca"))
    trustme.CA(organization_name="stranger").cert_pem.write_to_path(keys.certificate("stranger"))
    for name in ("server", "gateway", *identities):
        leaf = authority.issue_cert("127.0.0.1", "localhost", common_name=name)
        leaf.cert_chain_pems[0].write_to_path(keys.certificate(name))
        leaf.private_key_pem.write_to_path(keys.key(name))
    return keys
