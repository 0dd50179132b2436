"""This file signs receipts and opens them; it guards that a receipt is taken for its own command alone."""

from isolane.security.envelope import RECEIPT, EnvelopeError, Signs, parse, seal, verify
from isolane.security.signing import PublicKey, key_id
from isolane.wire.command import read, write
from isolane.wire.receipt import BYTES_MAX, Receipt


def sign(receipt: Receipt, signer: Signs) -> bytes:
    """Give the signed bytes, the body of a paper of kind `wire.receipt.KIND`."""
    return seal(write(receipt), [signer], RECEIPT)


def open_receipt(data: bytes, key: PublicKey, gateway: str, digest: str) -> Receipt:
    """Check a receipt.

    Args:
        data: Bytes of anybody's choosing.
        key: The gateway's.
        gateway: Its name.
        digest: SHA-256 of the payload of the command that was sent, in hex.

    Raises:
        ValueError: It is none, not of this gateway, or of another command.
    """
    try:
        envelope = parse(data, RECEIPT, BYTES_MAX)
        verify(envelope, {key_id(key): key})
    except EnvelopeError as error:
        raise ValueError(f"a receipt with a bad envelope: {error}") from error
    receipt = read(envelope.payload, Receipt)
    if receipt.gw != gateway or receipt.digest != digest:
        raise ValueError("a receipt of another gateway or another command")
    return receipt
