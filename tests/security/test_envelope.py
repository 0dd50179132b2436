"""This file attacks envelopes: every change, every other form and every other algorithm is refused."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.security.envelope import BYTES_MAX, COMMAND, MANIFEST, EnvelopeError, add, parse, seal, verify
from isolane.security.signing import Signer

PAYLOAD = b'{"verb":"status"}'
_L = (1 << 252) + 27742317777372353535851937790883648493


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return _signer(tmp_path_factory.mktemp("ann"), ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def bob(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return _signer(tmp_path_factory.mktemp("bob"), ec.generate_private_key(ec.SECP256R1()))


def _signer(folder: Path, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> Signer:
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    return Signer(path)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def _open(data: bytes, *signers: Signer) -> bytes:
    envelope = parse(data, COMMAND)
    verify(envelope, {signer.key_id: signer.public_key for signer in signers})
    return envelope.payload


def _forge(signer: Signer, header: dict[str, object] | bytes) -> bytes:
    """Sign under another protected header, honestly."""
    text = _b64(header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode())
    row = {"protected": text, "signature": _b64(signer.sign(f"{text}.{_b64(PAYLOAD)}".encode()))}
    return json.dumps({"payload": _b64(PAYLOAD), "signatures": [row]}, separators=(",", ":")).encode()


def test_what_is_sealed_opens_and_a_second_may_sign(ann: Signer, bob: Signer) -> None:
    one = seal(PAYLOAD, [ann], COMMAND)
    both = add(one, bob, COMMAND)
    assert _open(one, ann) == _open(both, ann, bob) == PAYLOAD
    assert _open(_forge(ann, {"alg": "Ed25519", "kid": ann.key_id, "typ": COMMAND}), ann) == PAYLOAD
    assert [each.kid for each in parse(both, COMMAND).signatures] == sorted([ann.key_id, bob.key_id])
    assert len(add(both, ann, COMMAND)) == len(both)


@pytest.fixture(scope="module")
def both(ann: Signer, bob: Signer) -> bytes:
    return seal(PAYLOAD, [ann, bob], COMMAND)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_every_change_of_a_byte_is_refused(both: bytes, ann: Signer, bob: Signer, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(both) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != both[at]))
    changed = both[:at] + bytes([byte]) + both[at + 1 :]
    with pytest.raises(EnvelopeError):
        _open(changed, ann, bob)


def test_every_bit_and_every_cut_is_refused(both: bytes, ann: Signer, bob: Signer) -> None:
    for at in range(len(both)):
        changed = both[:at] + bytes([both[at] ^ 1]) + both[at + 1 :]
        for other in (changed, both[:at]):
            with pytest.raises(EnvelopeError):
                _open(other, ann, bob)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_of_anybodys_choosing_only_ever_are_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse(data, COMMAND)


@pytest.mark.parametrize(
    ("extra", "drop"),
    [
        ({"alg": "none"}, ""),
        ({"alg": "None"}, ""),
        ({"alg": "HS256"}, ""),
        ({"alg": "EdDSA"}, ""),
        ({"alg": "ES256"}, ""),
        ({"alg": ["Ed25519"]}, ""),
        ({"crit": ["exp"]}, ""),
        ({"b64": False, "crit": ["b64"]}, ""),
        ({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}, ""),
        ({"jku": "https://evil/keys"}, ""),
        ({"x5c": ["AA"]}, ""),
        ({"x5u": "https://evil/cert"}, ""),
        ({"kid": "../../k"}, ""),
        ({"kid": "' OR 1=1"}, ""),
        ({"typ": MANIFEST}, ""),
        ({}, "kid"),
        ({}, "typ"),
    ],
)
def test_another_header_is_refused_though_it_is_signed(ann: Signer, extra: dict[str, object], drop: str) -> None:
    header = {"alg": "Ed25519", "kid": ann.key_id, "typ": COMMAND} | extra
    header.pop(drop, None)
    with pytest.raises(EnvelopeError):
        _open(_forge(ann, header), ann)


def test_a_header_in_other_bytes_is_refused_though_it_is_signed(ann: Signer) -> None:
    plain = json.dumps({"alg": "Ed25519", "kid": ann.key_id, "typ": COMMAND})
    twice = plain.replace(" ", "").replace('{"alg', '{"alg":"none","alg')
    for header in (plain, twice, plain.replace(" ", "").replace("alg", "\\u0061lg")):
        with pytest.raises(EnvelopeError, match="header"):
            _open(_forge(ann, header.encode()), ann)


def test_a_mac_with_the_public_key_is_refused(ann: Signer) -> None:
    public = ann.public_key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    text = _b64(json.dumps({"alg": "HS256", "kid": ann.key_id, "typ": COMMAND}, separators=(",", ":")).encode())
    mac = hmac.new(public, f"{text}.{_b64(PAYLOAD)}".encode(), hashlib.sha256).digest()
    row = {"protected": text, "signature": _b64(mac)}
    with pytest.raises(EnvelopeError):
        _open(json.dumps({"payload": _b64(PAYLOAD), "signatures": [row]}, separators=(",", ":")).encode(), ann)


def test_no_signature_is_told_as_that(ann: Signer) -> None:
    value = json.loads(seal(PAYLOAD, [ann], COMMAND))
    empty = value | {"signatures": [value["signatures"][0] | {"signature": ""}]}
    for data in (PAYLOAD, b'{"payload":"e30","signatures":[]}', json.dumps(empty).encode()):
        with pytest.raises(EnvelopeError) as caught:
            _open(data, ann)
        assert caught.value.reason == "unsigned"


def test_other_forms_of_the_same_are_refused(ann: Signer, both: bytes) -> None:
    value = json.loads(both)
    first, second = value["signatures"]
    padded = [first | {"signature": first["signature"] + "=="}, second]
    for other in (
        json.dumps(value).encode(),
        both + b"\n",
        _plain(dict(reversed(value.items()))),
        _plain(value | {"signatures": [second, first]}),
        _plain(value | {"signatures": [first, first]}),
        _plain(value | {"signatures": [first | {"header": {}}, second]}),
        _plain(value | {"signatures": padded}),
        _plain(value | {"extra": 1}),
        both.replace(b'{"payload"', b'{"payload":"e30","payload"', 1),
        _plain(value | {"payload": value["payload"] + "A" * BYTES_MAX}),
        _plain({"payload": value["payload"], **first}),
    ):
        with pytest.raises(EnvelopeError):
            _open(other, ann)


def _plain(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def test_a_signature_has_no_second_form(ann: Signer, bob: Signer) -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for signer, modulus, byteorder in ((ann, _L, "little"), (bob, order, "big")):
        value = json.loads(seal(PAYLOAD, [signer], COMMAND))
        raw = _raw(value["signatures"][0]["signature"])
        s = int.from_bytes(raw[32:], byteorder)  # type: ignore[arg-type]
        other = s + modulus if signer is ann else modulus - s
        value["signatures"][0]["signature"] = _b64(raw[:32] + other.to_bytes(32, byteorder))  # type: ignore[arg-type]
        with pytest.raises(EnvelopeError):
            _open(_plain(value), signer)


def test_keys_that_nobody_knows_or_of_another_kind_are_refused(ann: Signer, bob: Signer) -> None:
    data = seal(PAYLOAD, [ann], COMMAND)
    with pytest.raises(EnvelopeError) as caught:
        _open(data, bob)
    assert caught.value.reason == "unknown-key"
    with pytest.raises(EnvelopeError, match="another kind"):
        verify(parse(data, COMMAND), {ann.key_id: bob.public_key})
    with pytest.raises(EnvelopeError, match="of key"):
        verify(parse(add(data, bob, COMMAND), COMMAND), {ann.key_id: ann.public_key, bob.key_id: _other()})


def _other() -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()
