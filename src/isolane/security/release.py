"""This file reads what a bundle for an update holds; it guards that nobody installs what the release keys did not sign.

A release is the payload of an envelope of type `RELEASE`, JSON in its one form (compact, in this order): ``v`` 1;
``version``; ``number`` from 1, greater with each release; ``issued``, ``expires`` UTC, s; ``files``: the SHA-256, in
hex, of each file by its name, names ascending.

Constraints: the release keys are the root keys of a key manifest (see `key_manifest`), and as many people sign a
    release as that manifest says. Neither has expired. A number below the greatest one seen is refused, unless a person
    wants it (rollback); an expired release is refused always (freeze). No time is believed to be before the newest
    release that was seen was issued, so a clock that has lost its battery brings no expired release back.
"""

import re
from typing import Annotated, Final, Literal

import msgspec

from isolane.core import strict_json
from isolane.security.envelope import EnvelopeError, parse, verify
from isolane.security.key_manifest import Trusted

RELEASE: Final = "isolane-release+jws"
BYTES_MAX: Final = 256 << 10
LIFE_S_MAX: Final = 366 * 86_400
_FILES_MAX: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_Count = Annotated[int, msgspec.Meta(ge=1, le=strict_json.INTEGER_MAX)]


class ReleaseError(ValueError):
    """A release that is refused.

    Args:
        reason: "malformed", "signature", "threshold", "expired" or "rollback".
        detail: What exactly, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle holds; see the top of this file."""

    v: Literal[1]
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.+]{0,39}\Z")]
    number: _Count
    issued: _Count
    expires: _Count
    files: Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=_FILES_MAX)]


def write(release: Release) -> bytes:
    """Give the one form of a release, to be sealed."""
    fields = msgspec.to_builtins(release)
    return strict_json.write({**fields, "files": dict(sorted(release.files.items()))})


def read(payload: bytes) -> Release:
    """Read a release without believing it.

    Raises:
        ReleaseError: It is none.
    """
    try:
        release = msgspec.convert(strict_json.read(payload, strict_json.INTEGER_MAX), Release, strict=True)
    except ValueError as error:
        raise ReleaseError("malformed", str(error)) from error
    if write(release) != payload:
        raise ReleaseError("malformed", "not in the one form")
    for name, digest in release.files.items():
        if not _NAME.fullmatch(name) or not _HASH.fullmatch(digest):
            raise ReleaseError("malformed", f"{name!r:.80} is no name of a file, or has no SHA-256")
    if not 0 < release.expires - release.issued <= LIFE_S_MAX:
        raise ReleaseError("malformed", "it has to expire within 366 days")
    return release


def open_release(data: bytes, keys: Trusted, now_s: float) -> Release:
    """Take a release from anybody's hands.

    Args:
        data: Its envelope.
        keys: The manifest with the release keys.
        now_s: UTC, s.

    Raises:
        ReleaseError: Too few people of the release keys have signed it, or it or the keys have expired.
    """
    try:
        envelope = parse(data, RELEASE, BYTES_MAX)
        roots = keys.roots()
        verify(envelope, roots)
    except EnvelopeError as error:
        raise ReleaseError("malformed" if error.reason == "malformed" else "signature", str(error)) from error
    people = {keys.holders[each.kid].person for each in envelope.signatures}
    if len(people) < keys.manifest.threshold:
        raise ReleaseError("threshold", f"signed by {len(people)} of {keys.manifest.threshold} people")
    if keys.is_expired(now_s):
        raise ReleaseError("expired", "the list of release keys is in force no longer")
    release = read(envelope.payload)
    if now_s >= release.expires:
        raise ReleaseError("expired", f"release {release.version} may be installed no longer")
    return release
