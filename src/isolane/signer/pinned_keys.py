"""This file holds the key manifest that this person trusts; it guards that the center cannot change who may command."""

from collections.abc import Iterable
from pathlib import Path

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.security.key_manifest import ManifestError, Trusted, first, follow

_HINT = "put the manifest that root holders have signed there by hand; isolane keys verify checks it"


class PinnedKeys:
    """The manifest in force, as this machine knows it.

    Args:
        path: Its file; the first is put there by a person.

    Raises:
        IsolaneError: It cannot be read, or is no manifest.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.current: Trusted = first(path.read_bytes())
        except OSError as error:
            raise IsolaneError(f"cannot read the key manifest {path}: {error.strerror}", _HINT) from error
        except ManifestError as error:
            raise IsolaneError(f"the key manifest {path} is refused: {error}", _HINT) from error

    def follow(self, manifests: Iterable[bytes], now_s: float) -> str:
        """Take those that may follow, one after another.

        Args:
            manifests: Bytes of anybody's choosing, in ascending order of version.
            now_s: UTC, s.

        Returns:
            Why a newer one was not taken, "" if none was refused.

        Raises:
            IsolaneError: A newer one cannot be kept.
        """
        refused = ""
        for data in manifests:
            try:
                new = follow(self.current, data, now_s)
            except ManifestError as error:
                # What is not newer is what everybody has; what is newer and refused is worth a word.
                refused = refused if error.reason == "rollback" else f"{error.reason}: {error}"
                continue
            if new is not self.current:
                try:
                    replace_file(self._path, data)
                except OSError as error:
                    raise IsolaneError(f"cannot keep the key manifest in {self._path}: {error.strerror}") from error
                self.current, refused = new, ""
        return refused
