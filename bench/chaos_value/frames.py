"""This file writes down the frames of connections; it guards that one is written before it is sent and after it came.

So whoever is killed at any moment, what an end has sent is never less than what the other end may have got. A
connection is known by its mark, which the charger puts into the id of its first message. A line is a JSON array:
mark, what (one of the `What`), digest of the text, "" for the two ends.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Literal

What = Literal["sent", "came", "whole", "cut"]
"""`whole`: the charger ended the connection in order and the CSMS's Close frame came back. `cut`: any other end, or a
frame could not be sent any more because its sender saw the connection close."""


class FrameJournal:
    """One process's frames, over any number of its lives."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def note(self, mark: str, what: What, text: str = "") -> None:
        """Write a line; it is in the system's hands when this returns."""
        digest = blake2b(text.encode(), digest_size=8).hexdigest() if text else ""
        self._file.write(json.dumps((mark, what, digest)).encode() + b"\n")


Frames = dict[str, dict[str, list[str]]]
"""Digests, by mark and what."""


def read_frames(paths: Iterable[Path]) -> Frames:
    """Read journals."""
    found: Frames = defaultdict(lambda: {"sent": [], "came": [], "whole": [], "cut": []})
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            mark, what, digest = json.loads(line)
            found[mark][what].append(digest)
    return found


def faults(mark: str, charger: Frames, csms: Frames) -> list[str]:
    """Say what is wrong with a connection's frames: each end must have got what the other sent, in order.

    The end may be missing where the connection was cut: then the sender has seen its socket close. Where the charger
    ended the connection in order, the CSMS must have got everything.
    """
    found = []
    ours, theirs = charger[mark], csms[mark]
    for way, sent, came in (
        ("from-charger", ours["sent"], theirs["came"]),
        ("from-csms", theirs["sent"], ours["came"]),
    ):
        if sent[: len(came)] != came:
            at = next((at for at, pair in enumerate(zip(sent, came, strict=False)) if pair[0] != pair[1]), len(sent))
            found.append(f"{mark} {way}: frame {at} of {len(came)} is not the one that was sent")
    if ours["whole"] and not ours["cut"] and len(theirs["came"]) != len(ours["sent"]):
        found.append(f"{mark} from-charger: {len(theirs['came'])} of {len(ours['sent'])} came, and nothing was cut")
    return found
