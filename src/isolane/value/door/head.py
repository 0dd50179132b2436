"""This file takes HTTP heads apart and puts them together, byte by byte.

It guards that no byte of a header can mean one thing here and another at the next hop: only CRLF ends a line, no line
is folded, no name is followed by a space, and nothing but printable ASCII (and tab, in values) goes in or out.
"""

import re
from collections.abc import Iterable

from isolane.value.failures import Refused
from isolane.value.settings import Limits

END = b"\r\n\r\n"

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e]*")
_PLAIN = re.compile(rb"[\t\x20-\x7e]*(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*)*")
"""A head of lines that all pass."""
_KNOWN = {
    "Host", "Upgrade", "Connection", "Authorization", "Sec-WebSocket-Accept", "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version",
}  # fmt: skip
"""Names that nobody needs to check."""
_BREAKS = re.compile(rb"[\r\n\0]")


def check_lines(head: bytes, limits: Limits) -> bytes:
    """Check a request head, before any parser sees it, and give its first line.

    Args:
        head: The bytes before the empty line, without it.
        limits: `headers` and `header_bytes` apply.

    Raises:
        Refused: 400, 414 or 431.
    """
    lines = head.split(b"\r\n")
    if _PLAIN.fullmatch(head) and len(lines) - 1 <= limits.headers and len(head) <= limits.header_bytes:
        return lines[0]  # what follows tells why a head is refused; nearly none is
    if len(lines[0]) > limits.header_bytes:
        raise Refused(414, "malformed")
    if len(lines) - 1 > limits.headers:
        raise Refused(431, "malformed")
    for line in lines:
        if len(line) > limits.header_bytes:
            raise Refused(431, "malformed")
        if _BREAKS.search(line):
            raise Refused(400, "smuggling", detail="a line break or NUL inside a line")
        if not _VALUE.fullmatch(line):
            raise Refused(400, "malformed")
    for line in lines[1:]:
        name, colon, _ = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise Refused(400, "malformed")
    return lines[0]


def fields(head: bytes) -> list[tuple[str, str]]:
    """Give the fields of a head that `check_lines` has taken: names in lower case, values without outer blanks.

    After those checks a field is what stands on either side of its line's first colon, so this is all of the parsing.
    """
    found = []
    for line in head.decode("ascii").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        found.append((name.lower(), value.strip(" \t")))
    return found


def compose(first_line: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Write a head, with its empty line.

    Raises:
        ValueError: A name is no token, or a value or the first line holds what must not travel.
    """
    lines = [first_line]
    for name, value in fields:
        if name not in _KNOWN and not _NAME.fullmatch(name.encode()):
            raise ValueError(f"header name {name!r} is no token")
        lines.append(f"{name}: {value}")
    head = "\r\n".join(lines).encode()
    if head.count(b"\r\n") != len(lines) - 1 or not _PLAIN.fullmatch(head):
        raise ValueError("a header line may hold printable ASCII only")
    return head + END
