"""This file reads the source for risky lines with bandit; it guards that each one left out has a reason."""

import json
import subprocess
import sys
from pathlib import Path

from bench.supply.locks import ROOT

LEFT_OUT = {
    "B101": "tests and benches assert; src/ has none, which ruff's S101 holds",
    "B404": "programs are started with fixed argument lists: the same rule as ruff's S404",
    "B603": "the same, S603",
    "B607": "the same: names of Debian packages' programs, found on the administrator's path",
    "B610": "Django's extra(); there is no Django, but a function of that name that checks for optional packages",
    "B311": "seeded numbers of the simulator, and pauses between attempts; keys come from `cryptography` and `secrets`",
    "B104": "a gateway listens on all addresses when its operator says so",
    "B105": "states and names of files compared with words like `token`; secrets are looked for by detect-secrets",
    "B106": "the same",
    "B310": "addresses of pages on loopback from our own settings, with their scheme written out",
    "B608": "column and table names of our own with question marks for every value",
}


def findings(folder: Path = ROOT / "src") -> list[str]:
    """Give every finding that is not left out.

    Raises:
        RuntimeError: The tool failed.
    """
    program = Path(sys.executable).with_name("bandit")
    command = [str(program), "-q", "-r", str(folder), "-f", "json", "--skip", ",".join(LEFT_OUT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        document = json.loads(done.stdout)
    except ValueError as error:
        raise RuntimeError(f"bandit: {done.stderr[-300:]}") from error
    failed = [f"not read: {one['filename']}" for one in document["errors"]]
    return failed + [
        f"{one['filename']}:{one['line_number']} {one['test_id']} {one['issue_text']}" for one in document["results"]
    ]
