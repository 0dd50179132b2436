"""This file gives a changed telemetry block its right checksum, so that what is behind that is reached."""

import google_crc32c


def sealed(data: bytes) -> bytes:
    """Give the bytes of a block with the CRC-32C that fits them."""
    crc: int = google_crc32c.extend(google_crc32c.value(data[:5]), data[9:])
    return data[:5] + crc.to_bytes(4, "little") + data[9:]
