"""This file is `isolane gateway`: certificates of gateways, from the CA that `isolane init` has made."""

import argparse
from pathlib import Path

from isolane.cli.folder import CENTER_CN
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.security.authority import Authority

DESCRIPTION = """\
Let more gateways in, and lock one out that was stolen or scrapped. The folder is the one with ca.pem and ca.key.

  issue   make a key and a certificate; the files go to the gateway, the key leaves no copy behind
  revoke  put a gateway's certificate on the list revoked.pem for good; copy the list to broker and center and restart
          both. Nothing gets lost by that: gateways keep what is not acknowledged

example:
  isolane gateway issue gw-2 --pki north/pki
  isolane gateway revoke gw-2 --pki north/pki
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    issue = actions.add_parser("issue", help="make a key and a certificate")
    issue.set_defaults(action=_issue)
    revoke = actions.add_parser("revoke", help="lock a gateway out")
    revoke.add_argument("--certificate", type=Path, metavar="FILE", help="its certificate (default: NAME.pem of --pki)")
    revoke.set_defaults(action=_revoke)
    for each in (issue, revoke):
        each.add_argument("gateway", metavar="NAME", help="the gateway's name")
        each.add_argument("--pki", type=Path, required=True, metavar="DIR", help="folder of the CA")


def run(options: argparse.Namespace) -> int:
    """Do what is asked for."""
    done: int = options.action(options)
    return done


def _issue(options: argparse.Namespace) -> int:
    if check_name("gateway", options.gateway) == CENTER_CN:
        raise IsolaneError(f"no gateway may be called {CENTER_CN!r}", "choose another name")
    made = Authority(options.pki).issue(options.gateway, common_name=options.gateway)
    print(f"made {made.certificate} and {made.key}: move both to the gateway")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    authority = Authority(options.pki)
    authority.revoke(options.certificate or options.pki / f"{options.gateway}.pem")
    print(f"{options.gateway} is on {authority.revocations}: copy the list to broker and center, then restart both")
    return 0
