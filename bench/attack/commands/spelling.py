"""This file writes signed commands in other bytes; it guards that they mean the same to whoever reads leniently.

Some are changed by whoever holds an envelope, others are signed so by people whose signer is not ours.
"""

import base64
import json
from typing import Final

from bench.attack.commands.forge import Attempt, attempt, base64url, compact, payload_of, sign
from bench.attack.commands.people import Holder
from bench.attack.fill import UnknownError

from isolane.security.envelope import COMMAND, seal

ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def malleable(data: bytes, kind: str) -> list[Attempt]:
    """Write a signed command in other bytes that mean the same to a lenient reader.

    Args:
        data: A true envelope.
        kind: As the case names it.

    Raises:
        UnknownError: There is no such way.
    """
    envelope = json.loads(data)
    first = envelope["signatures"][0]

    def other(label: str, **changed: str) -> Attempt:
        rows = [first | changed, *envelope["signatures"][1:]]
        return attempt(label, compact(envelope | {"signatures": rows}), "malformed", "signature")

    match kind:
        case "S+L":
            value = _bytes(first["signature"])
            s = int.from_bytes(value[32:], "little") + ED25519_ORDER
            return [
                other("S+L", signature=base64url(value[:32] + s.to_bytes(32, "little"))),
                other("trailing", signature=base64url(value + b"\0")),
                attempt("trailing bytes", data + b"\0", "malformed"),
            ]
        case "pad":
            last = _other_last(first["signature"])
            return [
                other("padding", signature=first["signature"] + "=="),
                other("other spare bits", signature=last),
                other("padded header", protected=first["protected"] + "="),
                attempt("padded payload", compact(envelope | {"payload": envelope["payload"] + "="}), "malformed"),
            ]
        case "ws":
            return [
                attempt("indented", json.dumps(envelope, indent=1).encode(), "malformed"),
                attempt("a space in front", b" " + data, "malformed"),
                attempt("a newline behind", data + b"\n", "malformed"),
                attempt("a byte order mark", b"\xef\xbb\xbf" + data, "malformed"),
                attempt("other order", compact(dict(reversed(envelope.items()))), "malformed"),
                attempt("an escape", data.replace(b'"payload"', b'"p\\u0061yload"'), "malformed"),
            ]
        case "dup_member":
            text = data.decode()
            member = f'"payload":"{envelope["payload"]}",'
            evil = f'"payload":"{base64url(b"{}")}",'
            return [
                attempt("payload twice", text.replace(member, member + member).encode(), "malformed"),
                attempt("two payloads", text.replace(member, evil + member).encode(), "malformed"),
                attempt("two payloads, turned", text.replace(member, member + evil).encode(), "malformed"),
                attempt(
                    "signatures twice",
                    compact(envelope | {"signatures": [first, *envelope["signatures"]]}),
                    "malformed",
                ),
            ]
    raise UnknownError(f"encode: {kind}")


def recased(told: dict[str, object], *signers: Holder) -> list[Attempt]:
    """Have people sign the verb in other letters, and other words of the payload too."""
    verb = str(told["verb"])
    payload = payload_of(told).replace(b'"verb":', b'"Verb":', 1)
    return [
        attempt("upper", sign(told | {"verb": verb.upper()}, *signers), "malformed", "verb"),
        attempt("title", sign(told | {"verb": verb.title()}, *signers), "malformed", "verb"),
        attempt("dotless", sign(told | {"verb": verb.replace("s", "\u017f")}, *signers), "malformed", "verb"),
        attempt("a member", seal(payload, [each.signer for each in signers], COMMAND), "malformed"),
    ]


def respelled(told: dict[str, object], *signers: Holder) -> list[Attempt]:
    """Have people sign the same payload in another form: what a signer of ours never does."""
    keys = [each.signer for each in signers]
    text = payload_of(told)
    return [
        attempt("indented payload", seal(json.dumps(told, indent=1).encode(), keys, COMMAND), "malformed"),
        attempt("sorted payload", seal(compact(dict(sorted(told.items()))), keys, COMMAND), "malformed"),
        attempt("member twice", seal(text[:-1] + b',"verb":"status"}', keys, COMMAND), "malformed"),
        attempt("a float", seal(text.replace(b'"v":1,', b'"v":1.0,', 1), keys, COMMAND), "malformed"),
    ]


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _other_last(text: str) -> str:
    """Change bits of the last character that no byte has: 64 bytes leave four of them."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]
