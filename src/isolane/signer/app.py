"""This file puts the signing service together and runs it; it guards that it ends in order, the key forgotten."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.security.signing import PublicKey, load_public
from isolane.signer.center_link import CenterLink
from isolane.signer.desk import Desk
from isolane.signer.guard import Guard
from isolane.signer.locked_key import LockedKey
from isolane.signer.pages import signer_pages
from isolane.signer.pinned_keys import PinnedKeys
from isolane.signer.settings import SignerSettings
from isolane.signer.signed_log import SignedLog
from isolane.signer.visits import Visits

_log = logging.getLogger(__name__)
_CONNECTIONS_MAX = 64
_GRACE_S = 2


async def run(settings: SignerSettings, tell: Callable[[str], None]) -> None:
    """Run the signing service until SIGTERM or SIGINT.

    Args:
        settings: See there.
        tell: Is given the link that opens the page; for the terminal and for no log.

    Raises:
        IsolaneError: A file or the address cannot be used.
    """
    settings.check()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as closing:
        keys, key = PinnedKeys(settings.keys), LockedKey(settings.key)
        gateways = None if settings.gateways is None else known_gateways(settings.gateways)
        log = SignedLog(settings.log)
        closing.callback(log.close)
        link = await closing.enter_async_context(CenterLink(settings.center, settings.token_file, settings.ca))
        listener = _bind(settings.listen)
        closing.callback(listener.close)
        closing.callback(key.lock)
        address = Address(settings.listen.host, listener.getsockname()[1])
        desk = Desk(
            link=link, key=key, keys=keys, log=log, gateways=gateways, remember_minutes=settings.remember_minutes
        )
        visits = Visits()
        server = _Quiet(_config(Guard(signer_pages(desk, visits, settings.center), address.port)))
        serving = asyncio.create_task(server.serve([listener]))
        tell(f"http://{address}/enter?code={visits.code}")
        _log.info("ready signer=http://%s center=%s", address, settings.center)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        await serving
    _log.info("stopped")


def known_gateways(folder: Path) -> Mapping[str, PublicKey]:
    """Read the public keys of gateways, ``NAME.pem``.

    Raises:
        IsolaneError: There is none, or one cannot be read.
    """
    files = sorted(folder.glob("*.pem"))
    if not files:
        raise IsolaneError(f"{folder} holds no key of a gateway", "put the gateways' public keys there as NAME.pem")
    return {check_name("gateway", file.stem): load_public(file) for file in files}


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_CONNECTIONS_MAX)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise IsolaneError(f"cannot open {address}: {error.strerror}", "choose another --listen") from error
    return listener
