"""This file negotiates Sec-WebSocket-Extensions on behalf of nobody: it only narrows what the two ends agree on.

It guards that both ends stay in step. RFC 7692 lets a client ask for ``server_no_context_takeover`` (§7.1.1.1: the
server grants it by naming it, or declines the offer) and lets a server name ``client_no_context_takeover`` whether it
was asked or not (§7.1.1.2). So the relay asks for the first in every permessage-deflate offer that lacks it, and adds
the second to the answer. A CSMS that believes the charger may keep its window reads messages without one all the
same. An answer that names a parameter which needs an offer (client_max_window_bits, §7.1.2.2) without one is a lie
and refused.
"""

import re
from dataclasses import dataclass

DEFLATE = "permessage-deflate"
_SERVER_ALONE = "server_no_context_takeover"
_CLIENT_ALONE = "client_no_context_takeover"
_SERVER_BITS = "server_max_window_bits"
_CLIENT_BITS = "client_max_window_bits"

OFFERS_MAX = 16
"""Offers in one handshake. Real clients make one or two; more only cost time."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BITS = re.compile(r"8|9|1[0-5]")


@dataclass(frozen=True, slots=True)
class Extension:
    """One element of the field: its name and its parameters in order; a parameter without a value has None."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]

    def __str__(self) -> str:
        """Write it as it stands in the field."""
        return "; ".join(
            [self.name, *(name if value is None else f"{name}={value}" for name, value in self.parameters)]
        )

    def has(self, parameter: str) -> bool:
        """Tell whether a parameter is named."""
        return any(name == parameter for name, _ in self.parameters)


def parse(field: str) -> tuple[Extension, ...]:
    """Read a Sec-WebSocket-Extensions value in time linear in its length.

    Raises:
        ValueError: It is malformed or has more than OFFERS_MAX elements. Quoted values must quote a token (RFC 6455
            §9.1).
    """
    elements = [element for element in field.split(",") if element.strip(" \t")]
    if len(elements) > OFFERS_MAX or (field and not elements):
        raise ValueError("too many or no extensions")
    return tuple(_element(element) for element in elements)


def _element(text: str) -> Extension:
    name, *rest = (part.strip(" \t") for part in text.split(";"))
    if not _TOKEN.fullmatch(name):
        raise ValueError("an extension name is no token")
    parameters: list[tuple[str, str | None]] = []
    for part in rest:
        key, equals, value = (piece.strip(" \t") for piece in part.partition("="))
        if value.startswith('"') and value.endswith('"'):
            value = value[1:-1]
        if not _TOKEN.fullmatch(key) or (equals and not _TOKEN.fullmatch(value)):
            raise ValueError("an extension parameter is no token")
        parameters.append((key, value if equals else None))
    return Extension(name, tuple(parameters))


def _is_deflate(extension: Extension, *, answer: bool) -> bool:
    """Tell whether this is permessage-deflate with parameters that RFC 7692 §7.1 allows, each at most once."""
    names = [name for name, _ in extension.parameters]
    if extension.name != DEFLATE or len(set(names)) != len(names):
        return False
    for name, value in extension.parameters:
        if name in {_SERVER_ALONE, _CLIENT_ALONE}:
            legal = value is None
        elif name == _CLIENT_BITS and value is None:
            legal = not answer
        elif name in {_SERVER_BITS, _CLIENT_BITS}:
            legal = value is not None and _BITS.fullmatch(value) is not None
        else:
            legal = False
        if not legal:
            return False
    return True


def keeps_nothing(field: str) -> bool:
    """Tell whether an answer, as the charger was given it, lets each message stand alone, in both directions."""
    return all(
        _is_deflate(answer, answer=True) and answer.has(_SERVER_ALONE) and answer.has(_CLIENT_ALONE)
        for answer in parse(field)
    )


def offer_north(field: str, *, untouched: bool) -> str:
    """Give the offer for the CSMS, "" for none.

    Args:
        field: The charger's offer, its fields joined with commas.
        untouched: Pass it as it is. Otherwise only well-formed permessage-deflate offers pass, each asking for messages
            that inflate alone: an extension that the relay does not know could break that promise.

    Raises:
        ValueError: See `parse`.
    """
    offers = parse(field)
    if untouched:
        return field
    kept = []
    for offer in offers:
        if _is_deflate(offer, answer=False):
            parameters = offer.parameters if offer.has(_SERVER_ALONE) else (*offer.parameters, (_SERVER_ALONE, None))
            kept.append(str(Extension(offer.name, parameters)))
    return ", ".join(kept)


def answer_south(field: str, offered: str, *, untouched: bool) -> str:
    """Give the answer for the charger, "" for none.

    Args:
        field: The CSMS's answer.
        offered: What the CSMS was offered, from `offer_north`.
        untouched: Pass it as it is.

    Raises:
        ValueError: It is malformed or accepts what was not offered.
    """
    offers, answers = parse(offered), parse(field)
    names = [answer.name for answer in answers]
    if not set(names) <= {offer.name for offer in offers} or len(set(names)) != len(names):
        raise ValueError("an extension was not offered")
    for answer in answers:
        if answer.name != DEFLATE:
            continue
        if not _is_deflate(answer, answer=True):
            raise ValueError("a permessage-deflate answer has an illegal parameter")
        if answer.has(_CLIENT_BITS) and not any(offer.has(_CLIENT_BITS) for offer in offers if offer.name == DEFLATE):
            raise ValueError("client_max_window_bits was not offered")
    if untouched or not answers or answers[0].has(_CLIENT_ALONE):
        return field
    return str(Extension(DEFLATE, (*answers[0].parameters, (_CLIENT_ALONE, None))))
