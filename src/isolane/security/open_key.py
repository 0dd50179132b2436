"""This file opens the key that a setting names, in a file or in a token; it guards that who needs no token loads none.

A setting is a path relative to its file; one that names a token has the token's URI in its place (see `token_keys`),
with ``pin-source``, since nobody is there to be asked.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from isolane.core.failures import IsolaneError
from isolane.security.signing import Signer

if TYPE_CHECKING:
    from isolane.security.token_keys import TokenSigner

_SCHEME = "pkcs11:"


def open_signer(setting: Path) -> "Signer | TokenSigner":
    """Open a private key that is not encrypted, or one in a token.

    Raises:
        IsolaneError: It cannot be opened, or its PIN is nowhere to be read, or the extra for tokens is not installed.
    """
    _, scheme, rest = str(setting).partition(_SCHEME)
    if not scheme:
        return Signer(setting)
    try:
        from isolane.security.token_keys import TokenKey, TokenSigner  # noqa: PLC0415 - an extra that few have
    except ModuleNotFoundError as error:
        raise IsolaneError(
            f"a key in a token needs the package {error.name}", "install the extra: pip install 'isolane[hsm]'"
        ) from error
    key = TokenKey.parse(scheme + rest)
    pin = key.pin()
    if pin is None:
        raise IsolaneError(f"nobody can be asked for the PIN of {key}", "add &pin-source=file:FILE to its URI")
    return TokenSigner(key, pin)
