r"""This file writes syslog messages; it guards that no value can end its quotes, its element or its message.

::

    <PRI>1 TIME HOST isolane - KIND [isolane@NUMBER site="..." charger="..." key="..."] KIND key=value key=value

In a value a quotation mark, a backslash and a closing bracket have a backslash before them. Control characters become
spaces, since receivers write messages into lines. Each message is preceded by its length in octets and a space.

Source: RFC 5424, 6; RFC 5425, 4.3.
"""

import re
from datetime import UTC, datetime

from isolane.health.links.facts import Fact

_SPECIAL = re.compile(r'(["\\\]])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BOM = "\ufeff"
_WARNING, _INFO = 4, 6
_SEVERITIES = 8
_MS_PER_S = 1000


def message(fact: Fact, *, host: str, site: str, facility: int, enterprise: int) -> bytes:
    """Write one message, without its length."""
    priority = facility * _SEVERITIES + (_WARNING if fact.is_warning else _INFO)
    moment = datetime.fromtimestamp(fact.t_ms // _MS_PER_S, UTC)
    time = f"{moment:%Y-%m-%dT%H:%M:%S}.{fact.t_ms % _MS_PER_S:03d}Z"
    named = {"site": site, **({"charger": fact.charger} if fact.charger else {}), **fact.fields}
    data = "".join(f' {name}="{_escaped(str(value))}"' for name, value in named.items())
    text = _CONTROL.sub(" ", " ".join([fact.name, *(f"{name}={value}" for name, value in fact.fields.items())]))
    mark = "" if text.isascii() else _BOM
    head = f"<{priority}>1 {time} {host} isolane - {fact.name} [isolane@{enterprise}{data}]"
    return f"{head} {mark}{text}".encode()


def framed(messages: list[bytes]) -> bytes:
    """Write messages one after the other, each with its length."""
    return b"".join(b"%d %b" % (len(each), each) for each in messages)


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", _CONTROL.sub(" ", value))
