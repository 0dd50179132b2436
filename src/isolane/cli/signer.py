"""This file is `isolane signer`: the signing service of one person, on that person's own machine."""

import argparse
import asyncio
from pathlib import Path

from isolane.cli.options import extra
from isolane.config.values import Address

DESCRIPTION = """\
Sign commands for gateways on a page of this machine, with your key in an encrypted file. The page listens on loopback
alone and opens by a link that is printed here. It fetches a proposal from the center by its name and says, from the
bytes that are signed and from nothing else that the center says, what would be done to which charger, by whom it is
asked for, and what must hold before. What it cannot explain it does not sign. It asks for your passphrase for each
signature, writes the signature into its own log, and hands it to the center.
Needs the extra: pip install 'isolane[signer]'

The token is one of the page Users of the center, with the scopes commands:read and commands:sign. The key manifest
is the one that root holders have signed; later ones are taken from the center when they follow it.

example:
  isolane signer --key ann.pem --center https://center.example.org --token-file ann.token --keys keys.jws --log ann.log
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="your encrypted private key")
    parser.add_argument("--center", required=True, metavar="URL", help="the center, as browsers show its address")
    parser.add_argument("--token-file", type=Path, required=True, metavar="FILE", help="holds your token of the center")
    parser.add_argument("--keys", type=Path, required=True, metavar="FILE", help="key manifest; newer ones replace it")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="what you sign is written there")
    parser.add_argument(
        "--gateways",
        type=Path,
        metavar="FOLDER",
        help="gateways' public keys, NAME.pem: sign for these alone, and check what they state",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="PEM certificates that may sign the center's")
    parser.add_argument(
        "--listen",
        type=Address.parse,
        default=Address("127.0.0.1", 8790),
        metavar="HOST:PORT",
        help="where the page is, on loopback (default: 127.0.0.1:8790)",
    )
    parser.add_argument(
        "--remember-minutes",
        type=int,
        default=0,
        metavar="N",
        help="let the page offer to keep the key unlocked, for N minutes at most (default: 0, never; at most 30)",
    )


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    with extra("signer"):
        from isolane.signer import app
        from isolane.signer.settings import SignerSettings
    settings = SignerSettings(
        key=options.key,
        center=options.center,
        token_file=options.token_file,
        keys=options.keys,
        log=options.log,
        listen=options.listen,
        ca=options.ca,
        gateways=options.gateways,
        remember_minutes=options.remember_minutes,
    )
    asyncio.run(app.run(settings, lambda link: print(f"your page: {link}", flush=True)))
    return 0
