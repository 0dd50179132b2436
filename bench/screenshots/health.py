"""This file tells of the scene's parts; it guards that each page of health has something of everything to show."""

import math
import time

from bench.screenshots.fleet import Gateway

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_book import HealthBook
from isolane.center.store.port import Batch, Origin, PaperArrival
from isolane.wire.block import BlockKey
from isolane.wire.health_paper import (
    HEALTH,
    LEVEL,
    VERSION,
    FeatureNote,
    HealthNote,
    LevelNote,
    Part,
    RemedyNote,
    ScoreNote,
    encode_health,
    encode_level,
)
from isolane.wire.paper import PAPERS, Paper

_SESSION_S = 7_200
_SESSIONS = 240
_CONTACT = RemedyNote(
    "Inspect and clean the contact, check the torque of its crimp, else change connector and cable.",
    "connector with cable", "CX018", "HighTemperature",
)  # fmt: skip
_FILTER = RemedyNote("Change the filter mat.", "filter mat", "", "HighTemperature")
_CHANGE = RemedyNote("Replace the contactor set, both poles.", "contactor set", "CX017", "ContactorFault")


async def tell_health(catalogue: SqlCatalogue, gateway: Gateway) -> None:
    """File health papers of a gateway: its first charger has a worn contact, a sound one and more, others the contact.

    Args:
        catalogue: Of the scene.
        gateway: It has been seen.
    """
    now_s = int(time.time())
    bodies: list[tuple[str, bytes]] = []
    for at, charger in enumerate(gateway.chargers):
        bodies += _contact(charger, "DCplus", now_s, 0.55 if at == 0 else 0.02 * at)
        if at == 0:
            bodies += _contact(charger, "DCminus", now_s, 0.05)
            bodies += _others(charger, now_s)
    origin = Origin(gateway.site, gateway.name, now_s * 1000)
    papers = (
        Paper(BlockKey(now_s * 1000, PAPERS, number), now_s * 1000, kind, body)
        for number, (kind, body) in enumerate(bodies, 1)
    )
    await catalogue.record(Batch(papers=tuple(PaperArrival(origin, paper) for paper in papers)))
    book = HealthBook(catalogue)
    while await book.file():
        pass


def _contact(charger: str, name: str, now_s: int, worn: float) -> list[tuple[str, bytes]]:
    """Word a contact whose resistance has grown by a share, slowly and then faster, with one wild session."""
    part = Part(charger, "1.1", f"TemperatureSensor[Contact{name}]", "connector/1", f"contact_heating[{name}]")
    new, features = 1.0e-3, []
    for at in range(_SESSIONS):
        grown = new * (1 + worn * (at / _SESSIONS) ** 2) * (1 + 0.06 * math.sin(at * 12.9898) * math.sin(at * 7.233))
        at_s = now_s - (_SESSIONS - at) * _SESSION_S
        features.append(FeatureNote(part, at_s, grown, 0.05 * new, 1800, {"peak_c": 41.0 + 30 * worn * at / _SESSIONS}))
    theta, level = new * (1 + worn), 2 if worn > 0.3 else -1
    score = ScoreNote(
        part, "K/A2", "measured", "good", level, _SESSIONS, 100 * (1 - worn), 4.0, theta, 4e-5, new, 2 * new,
        now_s - _SESSION_S, 0.06 if level > 0 else None, 0.31 if level > 0 else None,
        (48.0, 95.0, 180.0) if level > 0 else None, "" if level > 0 else "less than a quarter of the way has been gone",
        _CONTACT,
    )  # fmt: skip
    out = [(HEALTH, encode_health(HealthNote(VERSION, now_s, (score,), tuple(features))))]
    if level > 0:
        for share, before, after in ((0.6, -1, 1), (0.9, 1, 2)):
            at_s = now_s - int(_SESSIONS * (1 - share)) * _SESSION_S
            note = LevelNote(VERSION, part, before, after, at_s, _CONTACT, theta, 2 * new, "K/A2", {}, None)
            out.append((LEVEL, encode_level(note)))
    return out


def _others(charger: str, now_s: int) -> list[tuple[str, bytes]]:
    """Word a filter, wear of a contactor that was counted, a fan that is learnt, and a weld."""
    filter_mat = ScoreNote(
        Part(charger, "1.0", "AirCoolingSystem[1]", "cooling/1", "airflow"), "", "measured", "good", 3, 88, 18.0, 6.0,
        0.61, 0.02, 1.0, 0.6, now_s - 600, 0.62, 0.97, (4.0, 16.0, 40.0), "", _FILTER,
    )  # fmt: skip
    wear = ScoreNote(
        Part(charger, "1.0", "PowerContactor", "contactor/1", "wear"), "Percent", "modelled", "poor", 1, 9, 71.0, 26.0,
        29.0, 11.0, 0.0, 100.0, now_s - 900, None, None, None, "the life of the law is known within a factor of 2.5",
        _CHANGE,
    )  # fmt: skip
    fan = ScoreNote(
        Part(charger, "1.0", "AirCoolingSystem[2]", "cooling/1", "fan_speed"), "RPM", "measured", "learning", -1, 7,
        None, None, None, None, None, None, now_s - 300, None, None, None, "no baseline yet", _FILTER,
    )  # fmt: skip
    weld = LevelNote(
        VERSION, Part(charger, "1.0", "PowerContactor", "contactor/1", "weld"), -1, 4, now_s - 1200, _CHANGE, 402.0,
        60.0, "V",
    )  # fmt: skip
    note = HealthNote(VERSION, now_s, (filter_mat, wear, fan))
    return [(HEALTH, encode_health(note)), (LEVEL, encode_level(weld))]
