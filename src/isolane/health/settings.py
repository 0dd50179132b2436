"""This file defines the [health] table; it guards that every stage's settings stay that stage's own."""

from typing import Annotated

import msgspec

from isolane.config.values import Address
from isolane.health.budget.settings import BudgetSettings
from isolane.health.clock_settings import ClockSettings
from isolane.health.commands.settings import CommandSettings
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.models.settings import ModelSettings
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.priority import Processor
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.sources.settings import AnySourceSettings
from isolane.health.thinning.settings import ThinningSettings


class HealthSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channel B of one gateway."""

    metrics: Annotated[
        Address | None,
        msgspec.Meta(description="Where the metrics page is served; absent: nowhere. Keep it on loopback"),
    ] = None
    cpu: Annotated[
        Processor,
        msgspec.Meta(
            description="How the relay gets the processor first: nice: by `nice`; idle: besides, it runs only when "
            "nothing else wants to (SCHED_IDLE); normal: not by this. It counts within one session or control group; "
            "`isolane check` tells what holds"
        ),
    ] = "nice"
    nice: Annotated[
        int,
        msgspec.Meta(
            description="Priority of this process, 0 to 19: 19 yields to the relay within one session or control group",
            ge=0,
            le=19,
        ),
    ] = 19
    flush_s: Annotated[
        float,
        msgspec.Meta(description="How long an ending process tries to deliver what waits, s, 0 to 60", ge=0, le=60),
    ] = 5.0
    clock: ClockSettings = ClockSettings()
    sampling: SamplingSettings = SamplingSettings()
    budget: BudgetSettings = BudgetSettings()
    thinning: ThinningSettings = ThinningSettings()
    recorder: Annotated[
        RecorderSettings | None,
        msgspec.Meta(description="The black box, docs/reference/blackbox.md; absent: none, since it writes all day"),
    ] = None
    models: ModelSettings = ModelSettings()
    commands: Annotated[
        CommandSettings | None,
        msgspec.Meta(description="Signed commands, docs/reference/commands.md; absent: none is listened to"),
    ] = None
    outbox: OutboxSettings
    sources: Annotated[
        tuple[AnySourceSettings, ...], msgspec.Meta(description="What is read; at least one", min_length=1)
    ]
    links: Annotated[tuple[AnyLinkSettings, ...], msgspec.Meta(description="Ways to the center; none only stores")] = ()
