"""This file approves one command many times at once (OC-17); it guards that each key counts once, for what was shown.

Approvals come from two tabs of the console's user, who hands signatures in by the API, and by double clicks in two tabs
of the own signer. What then goes to the gateway is one envelope.
"""

import asyncio

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, sentence, step
from bench.attack.operations.ground import Actor, Center
from bench.attack.operations.request import Reply
from bench.attack.operations.signer_page import TAKEN, SignerPage, signing
from bench.attack.operations.taking import API, Shown, Taking, signature, taking

from isolane.security.envelope import COMMAND, parse

sentence("signed_commands", "<= 1 and over the displayed digest")
_CLICKS = 4
_REFUSED = frozenset({409, 422})


@step("parallel")
async def parallel(move: Move) -> None:
    """Approve many times at once; then have all who sign do so at once.

    Raises:
        UnknownError: It is to be something else.
    """
    if not isinstance(move.arg, dict) or set(move.arg) != {"approve"}:
        raise UnknownError(f"parallel {move.arg!r}")
    center, number = move.center, int(move.arg["approve"])
    dispatcher, admin = await center.person("A", "dispatcher"), await center.person("*", "admin")
    tabs = [await center.person("A", "engineer") for _ in range(2)]
    async with taking(center) as site, signing(site, admin) as signer:
        wrong = [await site.do(dispatcher, "freeze.set", "dispatcher")]
        wrong += await _approved(site, dispatcher, tabs, signer, number)
        wrong += [await site.do(dispatcher, "freeze.set", "dispatcher")]
        wrong += await _all_at_once(site, dispatcher, tabs, number)
    center.kept["wrong"] = list(filter(None, wrong))
    center.notes.append(
        f"{number} approvals at once, {_CLICKS} of them pressed in a signer; then {number} of two people"
    )


async def _approved(site: Taking, dispatcher: Actor, tabs: list[Actor], signer: SignerPage, number: int) -> list[str]:
    """Have one person approve at once in all tabs what only that signature is wanting of."""
    shown = await site.propose(dispatcher, "freeze.clear")
    own = signature(shown.payload, site.people["dispatcher"])
    await site.must(dispatcher, f"{API}/{shown.jti}/signatures", own)
    pages = [await signer.look(shown.jti) for _ in range(2)]
    wrong = [
        f"the signer shows {page.digest}, the console {shown.digest}" for page in pages if page.digest != shown.digest
    ]
    body = signature(shown.payload, site.people["engineer"])
    replies = await asyncio.gather(
        *(signer.press(pages[at % 2], shown.jti) for at in range(_CLICKS)),
        *(site.hand_in(tabs[at % 2], shown, body) for at in range(number - _CLICKS)),
    )
    return [*wrong, *_once(site, replies, 1), await site.done(shown), *whole(site, shown)]


async def _all_at_once(site: Taking, dispatcher: Actor, tabs: list[Actor], number: int) -> list[str]:
    """Have two people sign at once, each many times."""
    shown = await site.propose(dispatcher, "freeze.clear")
    bodies = [signature(shown.payload, site.people[name]) for name in ("dispatcher", "engineer")]
    replies = await asyncio.gather(
        *(site.hand_in((dispatcher, tabs[at // 2 % 2])[at % 2], shown, bodies[at % 2]) for at in range(number))
    )
    return [*_once(site, replies, 2), await site.done(shown), *whole(site, shown)]


def _once(site: Taking, replies: list[Reply], wanted: int) -> list[str]:
    """Say what is wrong with answers of which so many may be a yes; the others are refusals of the center's."""
    taken = [reply for reply in replies if _is_taken(reply)]
    site.refused += len(replies) - len(taken)
    strange = [reply for reply in replies if not _is_taken(reply) and not _is_refused(reply)]
    wrong = [] if len(taken) == wanted else [f"{len(taken)} of {len(replies)} signatures were taken, not {wanted}"]
    return wrong + [f"an approval got {reply.status}: {reply.body[:120]!r}" for reply in strange[:2]]


def _is_taken(reply: Reply) -> bool:
    return TAKEN in reply.body if _is_page(reply) else reply.status == 200


def _is_refused(reply: Reply) -> bool:
    return b"The center" in reply.body and b"signature" in reply.body if _is_page(reply) else reply.status in _REFUSED


def _is_page(reply: Reply) -> bool:
    return b"POST /sign/" in reply.asked[:16]


def whole(site: Taking, shown: Shown) -> list[str]:
    """Say what is wrong with a command that is done: two keys' signatures, one envelope over what was shown."""
    question = "SELECT person, kid FROM command_signature WHERE jti = ? ORDER BY person"
    people = [site.people[name].signer.key_id for name in ("dispatcher", "engineer")]
    wanted = list(zip(("a-dispatcher", "a-engineer"), people, strict=True))
    rows = site.select(question, shown.jti)
    wrong = [] if rows == wanted else [f"signatures of {[person for person, _ in rows]}"]
    ((data,),) = site.select("SELECT envelope FROM command WHERE jti = ?", shown.jti)
    envelope = parse(bytes(data), COMMAND)
    wrong += [] if envelope.payload == shown.payload else ["the envelope is of other bytes than were shown"]
    wrong += [] if {each.kid for each in envelope.signatures} == set(people) else ["the envelope is of other keys"]
    through = [digest for jti, digest in site.accepted() if jti == shown.jti]
    return wrong + ([] if through == [shown.digest] else [f"the gateway let through {through}"])


def signed(center: Center) -> str:
    """Hold every proposal that was shown to what became of it; give what is wrong."""
    site: Taking = center.kept["commands"]
    wrong = []
    for jti, envelope, digest in site.select("SELECT jti, envelope, digest FROM command"):
        displayed = {shown.digest for shown in site.shown if shown.jti == jti}
        is_signed = bool(envelope)
        wrong += [] if is_signed == (jti in site.true) else [f"{jti} is {'' if is_signed else 'not '}signed"]
        wrong += [] if displayed == {digest} else [f"{jti} was shown as {displayed}, kept is {digest}"]
        if is_signed:
            _same(wrong, site, jti, bytes(envelope))
    return "; ".join(wrong[:4])


def _same(wrong: list[str], site: Taking, jti: str, envelope: bytes) -> None:
    payload = parse(envelope, COMMAND).payload
    wrong += [f"{jti} is signed over other bytes"] if all(each.payload != payload for each in site.shown) else []
