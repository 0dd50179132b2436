"""This file makes commands and breaks them in one way each; it guards that what is not broken is as a signer makes it.

All of it is pure but for random names: what an attempt is, its label says.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from bench.attack.commands.people import Holder
from bench.attack.fill import UnknownError
from cryptography.hazmat.primitives import serialization as form

from isolane.core import strict_json
from isolane.security.envelope import COMMAND, assemble, parse, seal
from isolane.security.signing import Signer
from isolane.wire.command import Approval, Command, Request, Statement
from isolane.wire.verbs.catalogue import VERBS

CENTER: Final = "center"
LIFE_S: Final = 300
MEGABYTE: Final = 1 << 20


@dataclass(frozen=True)
class Attempt:
    """One envelope that must not be followed: what is wrong with it, and why the gateway has to say so; "" for any."""

    label: str
    data: bytes
    reasons: frozenset[str] = frozenset()


def attempt(label: str, data: bytes, *reasons: str) -> Attempt:
    """Give an attempt."""
    return Attempt(label, data, frozenset(reasons))


def compose(
    said: Statement,
    verb: str,
    args: dict[str, object],
    *,
    seq: int,
    now_s: int,
    who: Holder,
    life_s: int = LIFE_S,
    **changed: Any,  # noqa: ANN401 - whatever a member can be
) -> dict[str, object]:
    """Make a payload as `isolane command sign` does, then change members of it."""
    declared = VERBS.get(verb)
    command = Command(
        v=1,
        jti=token(),
        iss=CENTER,
        aud=said.gw,
        verb=verb,
        args=args,
        pre=() if declared is None or changed.get("pre") is not None else declared.pre(args),
        req=Request(sub=who.person, role=who.role, ticket="T-1", reason="it hangs"),
        appr=Approval(kind=declared.kind if declared else "R2", need=declared.need if declared else 2),
        iat=now_s,
        nbf=now_s,
        exp=now_s + life_s,
        boot=said.boot,
        chal=said.chal,
        seq=seq,
        keys_ver=said.keys_ver,
    )
    told: dict[str, object] = msgspec.to_builtins(command)
    return told | changed


def payload_of(told: object) -> bytes:
    """Write a payload in its one form, whatever it says."""
    return strict_json.write(told)


def sign(told: object, *signers: Holder) -> bytes:
    """Sign a payload."""
    return seal(payload_of(told), [each.signer for each in signers], COMMAND)


def token() -> str:
    """Give a name of 128 bits."""
    return base64url(secrets.token_bytes(16))


def base64url(data: bytes) -> str:
    """Write bytes as JOSE does."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(told: object, kind: str) -> list[Attempt]:
    """Give a payload without a signature.

    Raises:
        UnknownError: There is no such way.
    """
    payload = payload_of(told)
    text = base64url(payload)
    header = base64url(b'{"alg":"Ed25519","kid":"' + b"0" * 64 + b'","typ":"isolane-cmd+jws"}')
    if kind == "none":
        bodies = {
            "bare JSON": payload,
            "no signatures": compact({"payload": text}),
            "an empty list": compact({"payload": text, "signatures": []}),
            "null": compact({"payload": text, "signatures": None}),
        }
    elif kind == "empty":
        one = {"protected": header, "signature": ""}
        bodies = {
            "an empty signature": compact({"payload": text, "signatures": [one]}),
            "two of them": compact({"payload": text, "signatures": [one, one]}),
        }
    else:
        raise UnknownError(f"sig: {kind}")
    return [attempt(label, data, "unsigned") for label, data in bodies.items()]


def compact(value: object) -> bytes:
    """Write JSON without whitespace."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def jws(told: object, kind: str, who: Holder, curve: Holder, stranger: Holder) -> list[Attempt]:
    """Attack the signature's algorithm or header.

    Args:
        told: The payload.
        kind: As the case names it.
        who: Somebody with an Ed25519 key who may command.
        curve: Somebody with a P-256 key who may command.
        stranger: Somebody who may not, and signs.

    Raises:
        UnknownError: There is no such attack.
    """
    payload = payload_of(told)
    usual: dict[str, object] = {"alg": "Ed25519", "kid": who.signer.key_id, "typ": COMMAND}
    own = stranger.signer
    public = _jwk(own)
    embedded: dict[str, dict[str, object]] = {
        "jwk": {"jwk": public},
        "jku": {"jku": "https://keys.example/jwks.json"},
        "x5u": {"x5u": "https://keys.example/cert.pem"},
    }
    if kind == "none":
        heads = [usual | {"alg": alg} for alg in ("none", "None", "nOnE", "NONE", "")]
        return [
            attempt(f"alg {head['alg']!r} {name}", _envelope(payload, head, value), "malformed", "unsigned")
            for head in heads
            for name, value in (("unsigned", b""), ("64 zeros", bytes(64)))
        ]
    if kind == "HS256-pub":
        return [*_with_public_key(payload, usual, who.signer), *_mixed(payload, who.signer, curve.signer)]
    if kind in embedded:
        kids = [usual | {"kid": kid} for kid in (who.signer.key_id, own.key_id)]
        heads = [head for kid in kids for head in (kid | embedded[kind], embedded[kind] | kid)]
        return [attempt(f"{kind} of {head['kid']}", _signed(payload, head, own), "malformed") for head in heads]
    if kind.startswith("kid="):
        head = usual | {"kid": kind.removeprefix("kid=")}
        return [attempt(f"{kind} by {name}", _signed(payload, head, key), "malformed") for name, key in _keys(who, own)]
    if kind == "crit=[foo]":
        head = usual | {"crit": ["foo"], "foo": True}
        return [attempt(f"crit by {name}", _signed(payload, head, key), "malformed") for name, key in _keys(who, own)]
    if kind == "b64=false":
        head = usual | {"b64": False, "crit": ["b64"]}
        raw = _raw(payload, head, who.signer)
        return [attempt("b64 false", raw, "malformed"), attempt("b64", _signed(payload, head, who.signer), "malformed")]
    raise UnknownError(f"jws: {kind}")


def _keys(who: Holder, own: Signer) -> list[tuple[str, Signer]]:
    return [(who.person, who.signer), ("a stranger", own)]


def _jwk(key: Signer) -> dict[str, str]:
    raw = key.public_key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)[-32:]
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}


def _with_public_key(payload: bytes, usual: dict[str, object], key: Signer) -> list[Attempt]:
    """Take the public key, which everybody has, for the secret of an HMAC."""
    spki = form.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key.public_bytes(form.Encoding.DER, spki)
    pem = key.public_key.public_bytes(form.Encoding.PEM, spki)
    made = []
    for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        head = usual | {"alg": alg}
        for name, secret in (("PEM", pem), ("DER", der), ("raw", der[-32:])):
            value = hmac.new(secret, _input(payload, head), digest).digest()
            made.append(attempt(f"{alg} by {name}", _envelope(payload, head, value), "malformed", "signature"))
    return made


def _mixed(payload: bytes, edwards: Signer, curve: Signer) -> list[Attempt]:
    """Say another algorithm than the key has."""
    made = []
    for label, alg, key in (("ES256 by Ed25519", "ES256", edwards), ("Ed25519 by P-256", "Ed25519", curve)):
        head: dict[str, object] = {"alg": alg, "kid": key.key_id, "typ": COMMAND}
        value = key.sign(_input(payload, head))[-64:]
        made.append(attempt(label, _envelope(payload, head, value), "signature"))
    other: dict[str, object] = {"alg": "EdDSA", "kid": edwards.key_id, "typ": COMMAND}
    made.append(attempt("EdDSA", _signed(payload, other, edwards), "malformed"))
    typed: dict[str, object] = {"alg": "Ed25519", "kid": edwards.key_id, "typ": "isolane-stmt+jws"}
    made.append(attempt("another typ", _signed(payload, typed, edwards), "malformed"))
    return made


def _input(payload: bytes, head: dict[str, object]) -> bytes:
    return f"{base64url(compact(head))}.{base64url(payload)}".encode()


def _signed(payload: bytes, head: dict[str, object], key: Signer) -> bytes:
    return _envelope(payload, head, key.sign(_input(payload, head)))


def _envelope(payload: bytes, head: dict[str, object], value: bytes) -> bytes:
    one = {"protected": base64url(compact(head)), "signature": base64url(value)}
    return compact({"payload": base64url(payload), "signatures": [one]})


def _raw(payload: bytes, head: dict[str, object], key: Signer) -> bytes:
    """Write a payload that is not encoded (RFC 7797)."""
    value = key.sign(base64url(compact(head)).encode() + b"." + payload)
    one = {"protected": base64url(compact(head)), "signature": base64url(value)}
    return compact({"payload": payload.decode(), "signatures": [one]})


def times(kind: str, now_s: int) -> dict[str, int]:
    """Give the times of a command that is not for now.

    Raises:
        UnknownError: There is no such time.
    """
    match kind:
        case "exp-1s":
            return {"iat": now_s - 61, "nbf": now_s - 61, "exp": now_s - 1}
        case "nbf+60":
            return {"iat": now_s, "nbf": now_s + 60, "exp": now_s + 120}
        case "iat+3600":
            return {"iat": now_s + 3600, "nbf": now_s + 3600, "exp": now_s + 3660}
        case "ttl=30d":
            return {"iat": now_s, "nbf": now_s, "exp": now_s + 30 * 86_400}
    raise UnknownError(f"time: {kind}")


def joined(first: bytes, second: bytes) -> bytes:
    """Give the first one's payload with the signatures of both."""
    one, other = parse(first, COMMAND), parse(second, COMMAND)
    return assemble(one.payload, [*one.signatures, *other.signatures])


def hostile_args(kind: str) -> Sequence[object]:
    """Give what stands in the place of an argument.

    Raises:
        UnknownError: There is no such argument.
    """
    text = kind.removeprefix("arg=")
    known = {
        ";id": (";id", "CP1;id", "CP1|id", "CP1&&id"),
        "$(id)": ("$(id)", "`id`", "CP1$(id)", "${IFS}id"),
        "--output=/etc/x": ("--output=/etc/x", "-oProxyCommand=id", "-c", "--"),
        "../../": ("../../", "../../etc/passwd", "CP1/../..", "CP1%2f..", "CP1\x00"),
        "1MB": ("A" * 11_000,),
    }
    if text not in known:
        raise UnknownError(f"args: {kind}")
    return known[text]
