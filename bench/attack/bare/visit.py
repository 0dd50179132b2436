"""This file is a CSMS and a charger that say personal things to each other through a box; it guards that all is said.

Run in the box's network. The words come on the command line; it ends when the last answer has arrived.
"""

import asyncio
import json
import sys
from typing import Any

from bench.attack.box.site import CSMS_PORT
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

_OCPP = Subprotocol("ocpp1.6")
_WHEN = "2026-01-01T00:00:00Z"


def calls(words: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Give the calls of a charging session that hold the words: an idTag, a serial number, a text, a reason."""
    tag, serial, text = words
    return [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": serial}),
        ("Authorize", {"idTag": tag}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "info": text}),
        ("StartTransaction", {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": _WHEN}),
        ("DataTransfer", {"vendorId": "V", "data": text}),
        ("StopTransaction", {"transactionId": 1, "idTag": tag, "meterStop": 100, "timestamp": _WHEN}),
    ]


async def main(password: str, words: list[str]) -> None:
    """Say everything, and wait for each answer."""
    async with serve(_answer, "127.0.0.1", CSMS_PORT, subprotocols=[_OCPP]):
        url = f"ws://CP1:{password}@127.0.0.1:8887/ocpp/CP1"
        async with connect(url, subprotocols=[_OCPP], proxy=None) as charger:
            for number, (action, payload) in enumerate(calls(words)):
                await charger.send(json.dumps([2, str(number), action, payload]))
                async with asyncio.timeout(20):
                    await charger.recv()
            await asyncio.sleep(1)  # the tap gathers, and the health process puts its rows on the second


async def _answer(charger: ServerConnection) -> None:
    async for message in charger:
        number = json.loads(message)[1]
        info = {"idTagInfo": {"status": "Accepted", "parentIdTag": "none"}, "transactionId": 1, "status": "Accepted"}
        await charger.send(json.dumps([3, number, info]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
