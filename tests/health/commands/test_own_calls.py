"""This file is a relay that answers as it is told; it guards that each of its answers is one result or one sentence."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from isolane.health.commands.own_calls import OwnCalls, Relays
from isolane.health.commands.verb import VerbError
from isolane.wire import own_call
from isolane.wire.own_call import VERSION, Answer, Error, Failed, Failure, Refusal, Refused, Request, Result

_DONE = Result(VERSION, msgspec.Raw(b'{"status":"Accepted"}'))


class Script:
    """Gives answers in their order, and notes what it was asked."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.asked: list[Request] = []
        self._answers = iter(answers)

    async def ask(self, request: Request) -> Answer:
        self.asked.append(request)
        return next(self._answers)


async def _call(*answers: Answer) -> tuple[dict[str, object], int]:
    script = Script(answers)
    calls = OwnCalls(script.ask, lambda _: "ocpp1.6")
    return await calls.call("CP1", "TriggerMessage", {"requestedMessage": "Heartbeat"}, "ann"), len(script.asked)


async def test_what_was_not_sent_is_asked_again_for_a_while() -> None:
    busy = [Refused(VERSION, Refusal.BUSY), Refused(VERSION, Refusal.CSMS_CALL_OUTSTANDING)]
    assert await _call(*busy, _DONE) == ({"status": "Accepted"}, 3)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Refused(VERSION, Refusal.NOT_ENABLED), "not asked: not-enabled"),
        (Failed(VERSION, Failure.TIMEOUT), "nobody knows whether it did it: timeout"),
        (Error(VERSION, "NotSupported", "no\x07"), "NotSupported"),
        (Result(VERSION, msgspec.Raw(b'{"a":1,"a":2}')), "no plain JSON"),
        (Result(VERSION, msgspec.Raw(b"[]")), "no object"),
    ],
)
async def test_what_is_no_result_is_a_sentence_and_asked_once(answer: Answer, said: str) -> None:
    with pytest.raises(VerbError, match=said) as caught:
        await _call(answer)
    assert str(caught.value).isprintable()


def test_a_charger_that_speaks_nothing_known_is_not_asked() -> None:
    for spoken, is_v16 in (("ocpp1.6", True), ("ocpp2.0.1", False), ("ocpp2.1", False)):
        assert OwnCalls(Script(()).ask, lambda _, spoken=spoken: spoken).is_v16("CP1") is is_v16  # type: ignore[misc]
    for spoken in ("", "other"):
        with pytest.raises(VerbError, match="not known to be connected"):
            OwnCalls(Script(()).ask, lambda _, spoken=spoken: spoken).is_v16("CP1")  # type: ignore[misc]


async def _worker(path: Path, answer: Answer) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(own_call.length(await reader.readexactly(own_call.LENGTH_BYTES)))
        writer.write(own_call.pack(answer))
        await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(serve, path)


async def test_each_worker_is_asked_until_one_has_the_charger(tmp_path: Path) -> None:
    request = Request(version=VERSION, charger="CP1", action="Reset", payload=msgspec.Raw(b"{}"), deadline_ms=1000)
    with pytest.raises(VerbError, match="takes no own calls"):
        await Relays(tmp_path).ask(request)
    answers: list[Answer] = [Refused(VERSION, Refusal.NOT_CONNECTED), _DONE]
    servers = [await _worker(tmp_path / f"own-calls.{n}.sock", answer) for n, answer in enumerate(answers, 1)]
    assert await Relays(tmp_path).ask(request) == _DONE
    for server in servers:
        server.close()
    await asyncio.gather(*(server.wait_closed() for server in servers))
    with pytest.raises(VerbError, match="does not answer"):
        await Relays(tmp_path).ask(request)
