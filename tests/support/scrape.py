"""This file reads a metrics page as a test's own client would."""

import urllib.error
import urllib.request

from support.patience import PATIENCE_S


def scrape(port: int) -> str:
    """Give the text of a loopback metrics page, "" while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
            return str(answer.read(), "utf-8")
    except (urllib.error.URLError, OSError):
        return ""
