"""This file runs the signing service of one person; it guards that it is stopped by its own number."""

import re
import subprocess
import sys
import time
from pathlib import Path

_PROGRAM = "import sys; from isolane.cli.main import main; sys.exit(main())"
_PAGE = re.compile(r"your page: (http://127\.0\.0\.1:(\d+)/enter\?code=\S+)")
_START_S = 60.0


class SignerProcess:
    """`isolane signer` for one person's key.

    Args:
        folder: With the key ``PERSON.pem`` and the manifest ``keys.jws``.
        person: Whose.
        center: Address of the center.
        token: Secret of a machine token.
        gateways: Folder with public keys of gateways.
    """

    def __init__(self, folder: Path, person: str, center: str, token: str, gateways: Path) -> None:
        (folder / f"{person}.token").write_text(token, encoding="utf-8")
        own = folder / f"{person}-keys.jws"
        own.write_bytes((folder / "keys.jws").read_bytes())
        self._output = folder / f"{person}-signer.out"
        self.log = folder / f"{person}-signed.log"
        arguments = {
            "--key": folder / f"{person}.pem",
            "--center": center,
            "--token-file": folder / f"{person}.token",
            "--keys": own,
            "--log": self.log,
            "--gateways": gateways,
            "--listen": "127.0.0.1:0",
        }
        words = [str(each) for pair in arguments.items() for each in pair]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, "signer", *words], stdout=output, stderr=output
            )
        self.page, self.port = "", 0

    def wait(self) -> None:
        """Wait until it has said where its page is."""
        end = time.monotonic() + _START_S
        while (found := _PAGE.search(self._output.read_text(encoding="utf-8"))) is None:
            assert self._process.poll() is None, self._output.read_text(encoding="utf-8")
            assert time.monotonic() < end, self._output.read_text(encoding="utf-8")
            time.sleep(0.05)
        self.page, self.port = found[1], int(found[2])

    def stop(self) -> int:
        """End it; give its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
