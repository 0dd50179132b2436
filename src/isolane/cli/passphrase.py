"""This file asks for passphrases; it guards that none is ever on a command line."""

import argparse
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from isolane.cli.options import extra
from isolane.core.failures import IsolaneError
from isolane.security.envelope import Signs
from isolane.security.signing import Signer

if TYPE_CHECKING:
    from isolane.security.token_keys import TokenKey

_CHARS_MIN = 12


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Add ``--passphrase-file`` and ``--no-passphrase``."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="its first line; without this, it is asked for"
    )
    group.add_argument("--no-passphrase", action="store_true", help="the key's file is not encrypted")


def new_passphrase(options: argparse.Namespace) -> bytes | None:
    """Ask twice for a new passphrase; None if there is to be none.

    Raises:
        IsolaneError: It is too short, or the two differ.
    """
    if options.no_passphrase:
        return None
    given = _from_file(options.passphrase_file)
    if given is None:
        given = getpass.getpass("new passphrase: ")
        if getpass.getpass("once more: ") != given:
            raise IsolaneError("these were two passphrases", "try again")
    if len(given) < _CHARS_MIN:
        raise IsolaneError(f"a passphrase has at least {_CHARS_MIN} characters", "take several words")
    return given.encode()


def open_key(path: Path, options: argparse.Namespace) -> Signs:
    """Open a private key, in a file or by its URI in a token, asking for its passphrase or PIN if that is needed.

    Raises:
        IsolaneError: It cannot be opened.
    """
    if is_in_token(path):
        with extra("hsm"):
            from isolane.security.token_keys import TokenSigner

        key = token_key(path)
        return TokenSigner(key, token_pin(key, options))
    if options.no_passphrase:
        return Signer(path)
    given = _from_file(options.passphrase_file)
    return Signer(path, (getpass.getpass(f"passphrase of {path}: ") if given is None else given).encode())


def is_in_token(path: Path) -> bool:
    """Tell whether a key is named by the URI of a token instead of by a file."""
    return str(path).startswith("pkcs11:")


def token_key(path: Path) -> "TokenKey":
    """Read a key's URI.

    Raises:
        IsolaneError: It names no key, or the extra is not installed.
    """
    with extra("hsm"):
        from isolane.security.token_keys import TokenKey

    return TokenKey.parse(str(path))


def token_pin(key: "TokenKey", options: argparse.Namespace) -> str:
    """Give a token's PIN, from where its URI or ``--passphrase-file`` says, or asked for.

    Raises:
        IsolaneError: It cannot be read.
    """
    given = key.pin()
    if given is None:
        given = _from_file(options.passphrase_file)
    return getpass.getpass(f"PIN of token {key.token}: ") if given is None else given


def _from_file(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return (path.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, ValueError) as error:
        raise IsolaneError(f"cannot read the passphrase in {path}: {error}") from error
