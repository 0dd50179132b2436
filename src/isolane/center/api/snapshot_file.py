"""This file gives a file out, or one range of it; it guards that it is an attachment whose name no request chooses."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import HTTPException
from fastapi.responses import Response, StreamingResponse

SANDBOX: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
_AT_ONCE = 256 << 10
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def attachment(path: Path, name: str, ranges: list[str]) -> Response:
    """Give a file as an attachment.

    Args:
        path: The file.
        name: That it shall have; letters, digits and dots.
        ranges: The request's Range lines; one range at most.

    Raises:
        HTTPException: 404 without the file, 400 for more than one range, 416 for one that is not in it.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, "its file is not here: it has made room") from error
    first, last, status = 0, size - 1, HTTPStatus.OK
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": SANDBOX,
        "Accept-Ranges": "bytes",
    }
    if ranges:
        first, last = _range(ranges, size)
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingResponse(_bytes(path, first, last), status, headers, "application/octet-stream")


def _range(ranges: list[str], size: int) -> tuple[int, int]:
    """Read the one range that a request may ask for; gives its first and last byte."""
    match = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if match is None or match[0] == "bytes=-":
        raise HTTPException(HTTPStatus.BAD_REQUEST, "ask for one range of bytes")
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first > last:
        unit = {"Content-Range": f"bytes */{size}"}
        raise HTTPException(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "the file has no such bytes", unit)
    return first, last


def _bytes(path: Path, first: int, last: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        left = last - first + 1
        while left and (data := file.read(min(_AT_ONCE, left))):
            yield data
            left -= len(data)
