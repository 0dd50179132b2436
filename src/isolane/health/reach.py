"""This file joins the verbs to the stages; it guards that a verb reaches nothing but what is handed to it here."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.core.failures import IsolaneError
from isolane.health.anew import Anew
from isolane.health.command_verbs import Own
from isolane.health.commands.interlocks import Interlocks
from isolane.health.commands.limits import Limits
from isolane.health.commands.occupancy import Occupancy
from isolane.health.commands.own_calls import OwnCalls, Relays
from isolane.health.commands.seen import Seen
from isolane.health.commands.uploads.doors import Doors, doors_of
from isolane.health.commands.uploads.quarantine import Upload
from isolane.health.commands.verb import Verb
from isolane.health.commands.verbs.available import Means, available
from isolane.health.commands.verbs.settings import VerbSettings
from isolane.health.links.port import Link
from isolane.health.log_tail import LogTail
from isolane.health.outbox.outbox import Outbox
from isolane.health.rates import Rates
from isolane.health.recorder.recorder import Recorder
from isolane.health.recorder.upload import parts_of
from isolane.health.refining import Refining
from isolane.health.sources.catalogue import Askable, BuiltSource
from isolane.health.thinning.kept import Kept
from isolane.wire.tap_event import Packet

_LOG = logging.getLogger(__name__)
_LIMITS: Final = "disruptions.json"
_QUARANTINE: Final = "quarantine"


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What of a gateway verbs reach."""

    clock: Clock
    is_synced: Callable[[], bool]
    own: Own
    sources: Sequence[BuiltSource]
    anew: Mapping[str, Anew]
    links: Sequence[Link]
    outbox: Outbox
    kept: Kept
    rates: Rates
    recorder: Recorder | None
    end: Callable[[], None]


class Reach:
    """The verbs of a gateway, and what holds them back.

    Args:
        site: Its names.
        settings: The [health.commands.verbs] table.
        folder: Of the state of commands; it is there.
        stages: See there.

    Raises:
        IsolaneError: What the settings want is not there, or cannot be used.
    """

    def __init__(self, site: Site, settings: VerbSettings, folder: Path, stages: Stages) -> None:
        self._site, self._settings, self._folder, self._on = site, settings, folder, stages
        disruptive = settings.disruptive
        evses = {each.charger: each.evses for each in disruptive.chargers}
        self._occupancy = Occupancy(evses, stages.clock, disruptive.fresh_s)
        self._limits = Limits(
            folder / _LIMITS,
            per_hour=disruptive.per_hour,
            windows=disruptive.windows,
            clock=stages.clock,
            is_synced=stages.is_synced,
        )
        self.interlocks = Interlocks(evses, self._occupancy, self._limits)
        known = {source.name for source in stages.sources} | {link.name for link in stages.links}
        known |= {signal.charger for source in stages.sources for signal in source.signals}
        self.lines = LogTail({*known, site.name, site.gateway})

    def hear(self, packet: Packet | None) -> None:
        """Take a packet of the tap's, or None: what was told before may no longer hold; never waits."""
        self._occupancy.hear(packet)

    def verbs(self, seen: Seen) -> list[Verb[Any]]:
        """Give what this gateway can be told to do.

        Raises:
            IsolaneError: See the class.
        """
        settings, on, recorder = self._settings, self._on, self._on.recorder
        calls = OwnCalls(Relays(self._site.own_calls_socket.parent).ask, self._occupancy.ocpp)
        means = Means(
            clock=on.clock,
            seen=seen,
            limits=self._limits,
            facts=on.own.facts,
            books=on.own.books,
            tail=self.lines.tail,
            rates=on.rates,
            refine=Refining(on.kept, on.outbox).refine,
            restarts={name: part.restart for name, part in on.anew.items()},
            end=on.end,
            registers={each.name: (each.signals, each.read_now) for each in on.sources if isinstance(each, Askable)},
            targets=settings.targets,
            take=None if recorder is None else recorder.take,
            fetch=None if recorder is None else self._fetch,
            calls=calls if settings.ask_chargers else None,
            logs=None if settings.uploads is None else (self._doors(), self._keep),
        )
        return available(means)

    async def run(self) -> None:
        """Keep the newest log lines for ever; cancelled to stop."""
        logging.getLogger().addHandler(self.lines)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            logging.getLogger().removeHandler(self.lines)

    def _doors(self) -> Doors:
        if self._settings.uploads is None or self._on.recorder is None or not self._settings.ask_chargers:
            raise IsolaneError(
                "[health.commands.verbs.uploads] is there, and nothing could ask for a log or keep it",
                "set ask_chargers = true and add [health.recorder], or remove the table",
            )
        _LOG.info("upload-doors upload_to=%s", ",".join(doors_of(self._settings.uploads)))
        return Doors(self._settings.uploads, self._folder / _QUARANTINE)

    async def _fetch(self, ident: str) -> Mapping[str, object] | None:
        card = None if self._on.recorder is None else await self._on.recorder.again(ident)
        return None if card is None else {"size": card.size, "parts": parts_of(card), "sha256": card.sha256}

    async def _keep(self, charger: str, upload: Upload) -> str:
        if self._on.recorder is None:
            raise FileNotFoundError("there is no black box")
        return await self._on.recorder.pack(charger, "charger.get_log", f"{upload.label} {upload.sha256}", upload.path)
