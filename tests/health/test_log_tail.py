"""This file logs; it guards that what can be read from afar has no text from outside."""

import logging

from isolane.health.log_tail import LogTail


def test_the_newest_lines_without_what_came_from_outside() -> None:
    tail = LogTail({"meter"})
    logger = logging.getLogger("isolane.test.tail")
    logger.setLevel(logging.INFO)
    logger.addHandler(tail)
    try:
        for number in range(310):
            logger.info("row-taken number=%d", number)
        logger.warning("tag-seen source=%s tag=%s", "meter", "DE-8AA-CA2B3C4D5")
        lines, lost = tail.tail(2)
    finally:
        logger.removeHandler(tail)
    assert [line["text"] for line in lines] == ["row-taken number=309", "tag-seen source=meter tag=…"]
    assert (lines[1]["level"], lines[1]["logger"], lost) == ("WARNING", "isolane.test.tail", 11)
    assert len(tail.tail(1000)[0]) == 300
