"""This file sends what a foreign page can make a browser send (OC-04); it guards that none of it changes anything.

No browser is driven: its headers are written as it writes them, the victim's cookie included, which is more than a
browser would do for a SameSite=Strict cookie.
"""

from typing import Any
from urllib.parse import urlencode

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.foreign import bodies, must_do
from bench.attack.operations.ground import CHARGER, GATEWAY, Actor, Center
from bench.attack.operations.proposals import VERB
from bench.attack.operations.request import of_json

from isolane.center.people.rights import RIGHTS

_Shape = tuple[str, str, tuple[str, ...], bytes]
"""Method, target, headers and body."""
_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data; boundary=x"
_FROM = {
    "cross-site": ("Origin: https://evil.example", "Sec-Fetch-Site: cross-site"),
    "sibling": ("Origin: https://evil.center.example", "Sec-Fetch-Site: same-site"),
    "opaque": ("Origin: null", "Sec-Fetch-Site: cross-site"),
    "old browser": ("Origin: https://evil.example",),
    "no origin": (),
}
"""What a browser says of the page that sends."""
FORMS = [
    ("/users", {"name": "forged", "role": "viewer", "tenants": "a"}),
    ("/users/tokens", {"name": "forged", "scopes": "telemetry:read", "tenants": "a", "days": "1"}),
    ("/users/a-viewer", {"role": "admin", "tenants": "a", "action": "change"}),
    ("/account/password", {"old": "x", "new": "y"}),
    ("/account/sessions", {"session": "x"}),
    ("/commands", {"gateway": GATEWAY["A"], "verb": VERB, "arg-charger": CHARGER["A"], "reason": "x"}),
    ("/logout", {}),
]


@step("csrf")
async def csrf(move: Move) -> None:
    """Send every valid change from foreign pages; then the same from a page of the center's, which must do it."""
    if move.arg != {"all_mutating": True}:
        raise UnknownError(f"csrf {move.arg!r}")
    center, changed, sent = move.center, 0, 0
    admin = await center.person("*", "admin")
    attacker = await center.person("A", "viewer")
    for method, target, body in bodies():
        for shape in _shapes(method, target, body):
            sent += 1
            changed += await _did(center, admin, shape)
        changed += not await _is_in(center, admin)
        if changed:  # what a forgery has made already cannot be made again
            break
        await must_do(center, admin, (method, target, body))
    admin = await center.person("*", "admin")
    for target, form in FORMS:
        for fields in _FROM.values():
            sent += 1
            body_bytes = urlencode({**form, "form_token": "0" * 43}).encode()
            changed += await _did(center, admin, ("POST", target, (*fields, f"Content-Type: {_FORM}"), body_bytes))
    for right in (right for right in RIGHTS if right.method in {"POST", "PUT", "PATCH", "DELETE"}):
        sent += 1
        target = right.path.replace("{", "").replace("}", "")
        changed += await _did(center, admin, (right.method, target, _FROM["cross-site"], b""))
    changed += not await _is_in(center, admin)
    reply = await center.ask(admin, "POST", "/logout", fields=(f"Content-Type: {_FORM}",), own_page=True,
                             body=urlencode({"form_token": admin.form_token}).encode())  # fmt: skip
    if not changed and reply.status not in {302, 303, 204}:
        raise RuntimeError(f"the control form got {reply.status}")
    await center.ask(attacker, "GET", "/api/v1/sites")
    center.notes.append(f"{sent} forged requests")
    center.measures["changed"] = changed


async def _is_in(center: Center, victim: Actor) -> bool:
    reply = await center.ask(victim, "GET", "/api/v1/session")
    return reply.status == 200 and victim.name.encode() in reply.body


def _shapes(method: str, target: str, body: dict[str, Any]) -> list[_Shape]:
    """Give what a foreign page sends: with JSON's own type, which asks the center first, only where it is not asked."""
    text, form = of_json(body), urlencode(body).encode()
    found: list[_Shape] = []
    for fields in _FROM.values():
        for kind, content in (("text/plain", text), (_FORM, form), (_FORM, text), (_PARTS, text)):
            found.append((method, target, (*fields, f"Content-Type: {kind}"), content))
        if fields:
            found.append((method, target, (*fields, "Content-Type: application/json"), text))
            found.append((method, target, fields, text))
        over = (*fields, f"X-HTTP-Method-Override: {method}", "Content-Type: text/plain")
        found += [("POST", f"{target}?_method={method}", over, text), ("GET", f"{target}?{form.decode()}", over, b"")]
    return found


async def _did(center: Center, victim: Actor, shape: _Shape) -> bool:
    """Tell whether a request has changed a row; sessions are seen by whether the victim is still in."""
    method, target, fields, body = shape
    before = center.rows()
    await center.ask(victim, method, target, fields=fields, body=body)
    return center.rows() != before
