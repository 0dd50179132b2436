"""This file is the site's chargers as a process; it guards that what gateways read is the simulator's physics.

Arguments: how many chargers, real seconds for a simulated one. It prints one line of Modbus ports and goes on until it
is told to end.
"""

import asyncio
import signal
import sys

from bench.health.signals import Charger, chargers


async def feed(count: int, pace: float) -> None:
    """Serve the chargers and move them on."""
    made = chargers(count)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for charger in made:
        charger.show()
        await charger.front.start()
    print(*(charger.front.port for charger in made), flush=True)
    living = asyncio.create_task(_live(made, pace))
    await stop.wait()
    living.cancel()
    for charger in made:
        await charger.front.stop()


async def _live(made: list[Charger], pace: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for charger in made:
            charger.pass_s()
            charger.show()
            await asyncio.sleep(0)
        due += pace
        await asyncio.sleep(max(0.0, due - loop.time()))


if __name__ == "__main__":
    asyncio.run(feed(int(sys.argv[1]), float(sys.argv[2])))
