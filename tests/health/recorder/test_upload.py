"""This file cuts snapshots and forgets what was under way; it guards that the center ends up with every byte."""

import hashlib
import random
from pathlib import Path

import msgspec
import pytest

from isolane.health.recorder.film import complete
from isolane.health.recorder.upload import END_CARD, OPEN_CARD, Upload, parts_of
from isolane.wire.snapshot import CHUNK_BYTES, CUT, OPEN, PARTS_MAX, WHOLE, Card
from isolane.wire.snapshot_file.manifest import check
from support.black_boxes import Plant, settings

CUTS = 200


def card_of(size: int, state: str = WHOLE, sha256: str = "00" * 32) -> Card:
    return Card(
        id="0" * 32,
        charger="CP-1",
        state=state,
        level=3,
        begun_ms=0,
        from_ms=0,
        to_ms=0,
        triggers=(),
        size=size,
        sha256=sha256,
    )


def test_cards_come_before_parts_and_only_what_ended_is_sent() -> None:
    upload = Upload()
    assert list(upload.due(card_of(0, OPEN))) == [OPEN_CARD]
    upload.put(OPEN_CARD, (1, 15, 1))
    assert not list(upload.due(card_of(0, OPEN)))
    card = card_of(2 * CHUNK_BYTES + 1, CUT)
    assert list(upload.due(card)) == [END_CARD, 0, 1, 2]
    for number in (OPEN_CARD, 2, END_CARD, 1):
        upload.arrive(number)
        assert not upload.is_done(card)
    assert list(upload.due(card)) == [0]
    upload.arrive(0)
    assert (upload.below, upload.is_done(card), upload.waiting) == (3, True, {})
    assert sorted(upload.beyond) == [OPEN_CARD, END_CARD]


def test_of_a_file_that_is_too_large_only_the_card_is_told() -> None:
    assert parts_of(card_of(PARTS_MAX * CHUNK_BYTES)) == PARTS_MAX
    card, upload = card_of(PARTS_MAX * CHUNK_BYTES + 1), Upload()
    assert list(upload.due(card)) == [END_CARD]
    upload.arrive(END_CARD)
    assert not upload.is_done(card)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Gives a snapshot of several parts."""
    plant = Plant(tmp_path_factory.mktemp("snapshot"), settings(before_s=20, after_s=10))
    plant.run(25)
    plant.is_closed, plant.is_bursting = False, True
    plant.run(20)
    (file,) = plant.files()
    return file.read_bytes()


def test_cut_anywhere_and_sent_after_a_restart_it_is_at_the_center_byte_for_byte(whole: bytes, tmp_path: Path) -> None:
    chance, path = random.Random(11), tmp_path / "cut.mcap"
    parts = 1500  # bytes of a part here, so that there are many
    for place in chance.sample(range(200, len(whole)), CUTS):
        path.write_bytes(whole[:place])
        complete(path, None)  # what the next run does
        data = path.read_bytes()
        verdict = check(data)
        assert (verdict.end, verdict.faults) == (CUT, [])
        count = (len(data) + parts - 1) // parts
        card = card_of(count * CHUNK_BYTES, CUT)
        told, center, waiting = b"{}", dict[int, bytes](), dict[int, tuple[int, int, int]]()
        for _ in range(10_000):
            upload = msgspec.json.decode(told, type=Upload)
            for number in [number for number in upload.waiting if number not in waiting]:
                upload.lose(number)  # answered, and killed before that was written down
            for number in list(upload.due(card))[: 8 - len(upload.waiting)]:
                key = 1, 15, len(center) + 1
                waiting[number] = key
                upload.put(number, key)
            told = msgspec.json.encode(upload)
            for number in chance.sample(sorted(waiting), min(len(waiting), chance.randrange(1, 5))):
                del waiting[number]
                if chance.random() < 0.1:
                    continue  # given up by the outbox
                center[number] = data[number * parts : (number + 1) * parts]
                if chance.random() < 0.9:
                    upload.arrive(number)
            if chance.random() < 0.9:  # else a kill takes what was heard
                told = msgspec.json.encode(upload)
            if upload.is_done(card):
                break
        else:
            pytest.fail("never done")
        came = b"".join(center[number] for number in range(count))
        assert hashlib.sha256(came).digest() == hashlib.sha256(data).digest()
        assert END_CARD in center
