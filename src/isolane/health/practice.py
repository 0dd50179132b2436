"""This file joins the models to rows, papers and the black box; it guards that they see the site's rows and no others.

The models are a source: their scores are samples like any other. They stand behind all other sources, so the columns
of what they look at are the first of the site's rows.
"""

from collections.abc import Callable, Mapping, Sequence

from isolane.core.clock import Clock
from isolane.core.signals import Signal
from isolane.health.models.rounds import Rounds
from isolane.health.models.stage import Told
from isolane.health.outbox.lanes import Lane
from isolane.health.post import Post
from isolane.health.recorder.recorder import Recorder
from isolane.health.rhythm import Rhythm, rapid
from isolane.health.sampling.grid import Row
from isolane.health.settings import HealthSettings


def models_of(
    settings: HealthSettings, signals: Sequence[Signal], periods_s: Mapping[tuple[str, str], float], clock: Clock
) -> Rounds | None:
    """Make the models of a site; None if they are not to run, or no signal is of use to one.

    Args:
        settings: The [health] table.
        signals: Of all other sources, in their order.
        periods_s: How often each is read.
        clock: Both clocks.
    """
    if not settings.models.enabled:
        return None
    fast = rapid(settings.sampling, signals, periods_s)
    seen = [signal for signal in signals if signal not in fast]
    rounds = Rounds(seen, settings.models, settings.outbox.path.with_suffix(".models"), clock)
    if rounds.stage.bays:
        return rounds
    rounds.close()
    return None


def join(rounds: Rounds, site: Rhythm, post: Post, recorder: Recorder | None) -> None:
    """Show the models every row of the site; let their papers out, and the black box know of changes of level."""
    shown, columns = site.watch, len(site.beat.signals) - len(rounds.signals)

    def show(t_ms: int, row: Row) -> None:
        if shown is not None:
            shown(t_ms, row)
        rounds.row(t_ms, row.values[:columns], row.codes[:columns])

    site.watch = show

    def hand_in(kind: str, body: bytes, urgent: bool) -> None:  # noqa: FBT001 - the port has it so
        post.hand_in(kind, body, Lane.ALARM if urgent else Lane.LIVE)

    rounds.outlets(hand_in, None if recorder is None else _teller(recorder))


def _teller(recorder: Recorder) -> Callable[[Told], None]:
    def tell(told: Told) -> None:
        change = told.change
        recorder.health(told.place.charger, f"{told.place.prefix}/{change.name}", int(change.level))

    return tell
