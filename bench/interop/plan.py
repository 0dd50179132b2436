"""This file says who meets whom; it guards that every pair meets on every security profile."""

from dataclasses import dataclass, replace

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
CASES = (*VERSIONS, "plain", "deflate", "tool")
IDENTITIES = tuple(f"{prefix}-{case}" for prefix in ("CP", "nobody", "busy") for case in CASES)
"""An identity says what its connections are for: its case, and whether the server refuses it."""
PROFILES = {0: "0 ws", 1: "1 ws+Basic", 2: "2 wss+Basic", 3: "3 wss+cert"}


@dataclass(frozen=True)
class Meeting:
    """One client that plays its cases against one server.

    Attributes:
        client: Name of the client's program.
        cases: What it plays, each a row of the table.
        mode: The relay's `compression`.
    """

    client: str
    cases: tuple[str, ...]
    mode: str = "untouched"


@dataclass(frozen=True)
class Ground:
    """One server on one security profile, and who comes to it."""

    server: str
    profile: int
    meetings: tuple[Meeting, ...]


_OCPP = (
    Meeting("ocpp", VERSIONS),
    Meeting("ocpp", ("ocpp1.6",), "each-message"),
    Meeting("ocpp-rpc", VERSIONS),
    Meeting("ocpp-rpc", ("ocpp2.0.1",), "each-message"),
)
_RAW = (
    Meeting("websockets", ("plain", "deflate")),
    Meeting("websockets", ("deflate",), "each-message"),
    Meeting("aiohttp", ("plain", "deflate")),
    Meeting("aiohttp", ("deflate",), "each-message"),
)
TOOL = (Meeting("ocpp-ws-cli", ("ocpp1.6",)),)
"""It takes its time, so it has grounds of its own, and they come first."""
_PAIRS = (
    ("ocpp-rpc", TOOL),
    ("ocpp", TOOL),
    ("ocpp-rpc", _OCPP),
    ("ocpp", _OCPP),
    ("websockets", _RAW),
    ("aiohttp", _RAW),
)


def grounds(*, quick: bool) -> list[Ground]:
    """Give all grounds; the quick ones are those of profile 0, and of profile 3 what is fast and compared exactly."""
    every = [Ground(server, profile, meetings) for server, meetings in _PAIRS for profile in PROFILES]
    if not quick:
        return every
    secure = [_exact(each) for each in every if each.profile == 3 and each.meetings != TOOL]
    return [each for each in every if each.profile == 0] + secure


def _exact(ground: Ground) -> Ground:
    return replace(ground, meetings=tuple(each for each in ground.meetings if each.mode == "untouched"))
