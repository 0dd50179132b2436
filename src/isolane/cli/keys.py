"""This file is `isolane keys`: keys of people, and the manifest that says who may command.

It guards that a person sees what a manifest says before it is signed.
"""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from isolane.cli.options import extra
from isolane.cli.passphrase import add_passphrase, is_in_token, new_passphrase, open_key, token_key, token_pin
from isolane.core.failures import IsolaneError
from isolane.security.envelope import MANIFEST, EnvelopeError, add, parse, seal
from isolane.security.key_files import make_key, public_pem, write_new
from isolane.security.key_manifest import (
    BYTES_MAX,
    RIGHTS,
    Key,
    Manifest,
    ManifestError,
    Role,
    describe,
    first,
    follow,
    read,
    write,
)
from isolane.security.signing import key_id, load_public

DESCRIPTION = """\
Make keys, and make, sign, show and check the key manifest: the list of keys whose signatures a gateway follows, each
with its person and role. All of it works on files and needs no network, so root keys can stay on a machine that has
none. A key may be in hardware (PKCS #11): wherever a private key is named, its URI does as well as a file.

  make      make a private key, encrypted with a passphrase, and beside it its public half (.pub); or one in a token
  import    put a private key from a file into a token
  public    write the public half of a key in a token
  manifest  write a manifest from public keys, not signed yet
  sign      add the signature of a root key; as many people as the threshold says do this, one after another
  show      say in words who may do what
  verify    check it as a gateway does: a first one by itself, a later one with --after

example:
  isolane keys make ann.pem
  isolane keys manifest keys.json --number 1 --key rita:root:rita.pem.pub --key rob:root:rob.pem.pub \\
      --key ann:operator:ann.pem.pub
  isolane keys sign keys.json --key rita.pem --out keys.jws
  isolane keys sign keys.jws --key rob.pem --out keys-1.jws
  isolane keys verify keys-1.jws
  isolane keys make 'pkcs11:token=people;object=ann?module-path=/usr/lib/softhsm/libsofthsm2.so' --kind p256 \\
      --public ann.pub
"""
_DAY_S = 86_400


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    make = actions.add_parser("make", help="make a private key")
    make.add_argument("file", type=Path, metavar="FILE", help="where; nothing may be there")
    make.add_argument("--kind", choices=("ed25519", "p256"), default="ed25519", help="default: ed25519")
    make.add_argument("--public", type=Path, metavar="FILE", help="with a token: where its public half goes")
    add_passphrase(make)
    make.set_defaults(action=_make)

    take = actions.add_parser("import", help="put a private key into a token")
    take.add_argument("file", type=Path, metavar="FILE", help="private key; destroy the file afterwards")
    take.add_argument("token", type=Path, metavar="URI", help="where: pkcs11:token=LABEL;object=LABEL?module-path=FILE")
    add_passphrase(take)
    take.set_defaults(action=_import)

    public = actions.add_parser("public", help="write the public half of a key in a token")
    public.add_argument("key", type=Path, metavar="URI", help="pkcs11:token=LABEL;object=LABEL?module-path=FILE")
    public.add_argument("--out", type=Path, required=True, metavar="FILE", help="where; nothing may be there")
    add_passphrase(public)
    public.set_defaults(action=_public)

    manifest = actions.add_parser("manifest", help="write a manifest that is not signed yet")
    manifest.add_argument("file", type=Path, metavar="FILE", help="where; nothing may be there")
    manifest.add_argument("--number", type=int, required=True, metavar="N", help="its version, greater than the last")
    manifest.add_argument("--days", type=int, default=180, metavar="N", help="days until it expires (default: 180)")
    manifest.add_argument("--threshold", type=int, default=2, metavar="N", help="people who sign (default: 2)")
    manifest.add_argument(
        "--key",
        action="append",
        required=True,
        metavar="PERSON:ROLE:FILE",
        help="a public key; ROLE is viewer, operator, approver or root",
    )
    manifest.set_defaults(action=_manifest)

    sign = actions.add_parser("sign", help="add a root key's signature")
    sign.add_argument("file", type=Path, metavar="FILE", help="manifest, signed or not")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="private root key")
    sign.add_argument("--out", type=Path, required=True, metavar="FILE", help="where; nothing may be there")
    add_passphrase(sign)
    sign.set_defaults(action=_sign)

    show = actions.add_parser("show", help="say in words who may do what")
    show.add_argument("file", type=Path, metavar="FILE", help="manifest, signed or not")
    show.set_defaults(action=_show)

    verify = actions.add_parser("verify", help="check it as a gateway does")
    verify.add_argument("file", type=Path, metavar="FILE", help="signed manifest")
    verify.add_argument("--after", type=Path, metavar="FILE", help="the manifest in force that it is to follow")
    verify.set_defaults(action=_verify)


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = options.action(options)
    return code


def _make(options: argparse.Namespace) -> int:
    if is_in_token(options.file):
        return _make_in_token(options)
    public = make_key(options.file, options.kind, new_passphrase(options))
    print(f"key {key_id(public)}")
    print(f"private: {options.file}, which stays here; public: {options.file}.pub, which goes into the manifest")
    return 0


def _make_in_token(options: argparse.Namespace) -> int:
    if options.public is None:
        raise IsolaneError("a manifest needs the key's public half", "say where it goes: --public FILE")
    key = token_key(options.file)
    with extra("hsm"):
        from isolane.security.token_keys import make_token_key

    if options.public.exists():
        raise IsolaneError(f"{options.public} is there already", "nothing is replaced; choose another name")
    public = make_token_key(key, token_pin(key, options), options.kind)
    write_new(options.public, public_pem(public), 0o644)
    print(f"key {key_id(public)}")
    print(f"private: {key}, which it never leaves; public: {options.public}, which goes into the manifest")
    return 0


def _import(options: argparse.Namespace) -> int:
    from isolane.security.signing import Signer

    key = token_key(options.token)
    with extra("hsm"):
        from isolane.security.token_keys import import_token_key

    signer = open_key(options.file, options)
    if not isinstance(signer, Signer):
        raise IsolaneError(f"{options.file} is in a token already", "name a file")
    public = import_token_key(key, token_pin(key, argparse.Namespace(passphrase_file=None)), signer.private_key)
    print(f"key {key_id(public)} is {key} now; destroy {options.file} and every copy of it")
    return 0


def _public(options: argparse.Namespace) -> int:
    key = token_key(options.key)
    with extra("hsm"):
        from isolane.security.token_keys import TokenSigner

    signer = TokenSigner(key, token_pin(key, options))
    write_new(options.out, public_pem(signer.public_key), 0o644)
    signer.close()
    print(f"key {signer.key_id}: {options.out}")
    return 0


def _manifest(options: argparse.Namespace) -> int:

    now = int(time.time())
    try:
        made = Manifest(
            v=1,
            version=options.number,
            issued=now,
            expires=now + options.days * _DAY_S,
            threshold=options.threshold,
            keys=tuple(_entry(each) for each in options.key),
        )
        payload = write(msgspec.convert(msgspec.to_builtins(made), Manifest))
        manifest, _ = read(payload)
    except (ManifestError, msgspec.ValidationError) as error:
        raise IsolaneError(f"such a manifest cannot be: {error}", "see docs/reference/keys.md") from error
    write_new(options.file, payload, 0o644)
    print(_words(manifest))
    return 0


def _entry(text: str) -> Key:

    person, _, rest = text.partition(":")
    role, _, path = rest.partition(":")
    if role not in RIGHTS or not person or not path:
        raise IsolaneError(f"{text!r} is no PERSON:ROLE:FILE", f"the roles are {', '.join(RIGHTS)}")
    return describe(load_public(Path(path)), person, msgspec.convert(role, Role))


def _sign(options: argparse.Namespace) -> int:
    data = _bytes(options.file)
    manifest, is_signed = _manifest_in(data)
    print(_words(manifest))
    signer = open_key(options.key, options)
    holder = next((each for each in manifest.keys if each.kid == signer.key_id), None)
    if holder is not None and holder.role != "root":
        raise IsolaneError(f"{options.key} is a key of role {holder.role}", "root keys sign manifests")
    signed = add(data, signer, MANIFEST, BYTES_MAX) if is_signed else seal(data, [signer], MANIFEST)
    write_new(options.out, signed, 0o644)
    whose = holder.person if holder else "a key that this manifest does not have, such as an old root key"
    print(f"signed by {whose}: {options.out}")
    return 0


def _show(options: argparse.Namespace) -> int:
    print(_words(_manifest_in(_bytes(options.file))[0]))
    return 0


def _verify(options: argparse.Namespace) -> int:
    try:
        if options.after is None:
            trusted = first(_bytes(options.file))
        else:
            trusted = follow(first(_bytes(options.after)), _bytes(options.file), time.time())
    except ManifestError as error:
        print(f"refused ({error.reason}): {error}")
        return 1
    print(_words(trusted.manifest))
    if trusted.is_expired(time.time()):
        print("it has expired: gateways follow nobody on it")
        return 1
    print("the signatures hold")
    return 0


def _manifest_in(data: bytes) -> tuple[Manifest, bool]:
    """Give what a manifest says, and whether it is signed; nothing is believed."""
    try:
        payload, is_signed = parse(data, MANIFEST, BYTES_MAX).payload, True
    except EnvelopeError:
        payload, is_signed = data, False
    try:
        return read(payload)[0], is_signed
    except ManifestError as error:
        raise IsolaneError(f"this is no key manifest: {error}", "make one with: isolane keys manifest") from error


def _words(manifest: Manifest) -> str:
    ends = datetime.fromtimestamp(manifest.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"key manifest {manifest.version}, until {ends}; {manifest.threshold} people with root keys sign the next"]
    for each in manifest.keys:
        classes = " ".join(sorted(RIGHTS[each.role]))
        lines.append(f"  {each.person:<24} {each.role:<9} {classes:<12} key {each.kid[:16]}")
    return "\n".join(lines)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
