"""This file holds the manifest in force on disk; it guards that it is only ever replaced by one that may follow it."""

from pathlib import Path

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.security.key_manifest import ManifestError, Trusted, first, follow


class Keyring:
    """The keys that may command this gateway.

    Args:
        path: File of the manifest in force; the first is put there by a person.

    Raises:
        IsolaneError: It cannot be read, or is no manifest.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        hint = "put the first manifest there by hand: isolane keys sign"
        try:
            self.current: Trusted = first(path.read_bytes())
        except OSError as error:
            raise IsolaneError(f"cannot read the key manifest {path}: {error.strerror}", hint) from error
        except ManifestError as error:
            raise IsolaneError(f"the key manifest {path} is refused: {error}", hint) from error

    def renew(self, data: bytes, now_s: float) -> bool:
        """Take the next manifest, if it may follow, and wait until the disk has it.

        Args:
            data: Bytes of anybody's choosing.
            now_s: UTC, s.

        Returns:
            Whether it is another than before.

        Raises:
            ManifestError: It may not follow.
            OSError: It cannot be written; the old one stays in force.
        """
        new = follow(self.current, data, now_s)
        if new is self.current:
            return False
        replace_file(self._path, data)
        self.current = new
        return True
