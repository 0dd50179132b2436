"""This file speaks with VictoriaMetrics over HTTP; it guards that all that goes wrong is one kind of failure.

Its calls wait, so they belong on threads; several threads may call at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import httpx
import msgspec
import numpy as np

from isolane.center.store.remote_write import HEADERS, Sending, write_request
from isolane.center.store.settings import VictoriaSettings
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from isolane.wire.block import I64
from isolane.wire.floats import F64

_SAID_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """One series as it is stored: labels, UTC ms, each once and ascending, and values, NaN for a stale marker."""

    labels: dict[str, str]
    t_ms: I64
    values: F64


class _Line(msgspec.Struct):
    """One line of an export."""

    metric: dict[str, str]
    values: list[float | None]
    timestamps: list[int]


class VictoriaMetrics:
    """A single node, or a cluster's vminsert and vmselect.

    Args:
        settings: See there.

    Raises:
        IsolaneError: A certificate or secret cannot be read.
    """

    def __init__(self, settings: VictoriaSettings) -> None:
        headers = {}
        if settings.token is not None:
            try:
                headers["authorization"] = f"Bearer {settings.token.read().decode('ascii')}"
            except ValueError as error:
                raise IsolaneError(f"[center.store.telemetry] token: {error}", "correct the reference") from error
        self._write_url = settings.url.rstrip("/") + "/api/v1/write"
        self._export_url = (settings.read_url or settings.url).rstrip("/") + "/api/v1/export"
        context = client_context(settings.ca) if settings.ca is not None else True
        self._client = httpx.Client(headers=headers, verify=context, timeout=settings.timeout_s, trust_env=False)
        self._decoder = msgspec.json.Decoder(_Line)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def write(self, blocks: Iterable[Sending]) -> None:
        """Send blocks; they are taken when it returns, and not yet on a disk.

        Raises:
            OSError: They are not taken, or not surely.
        """
        try:
            answer = self._client.post(self._write_url, content=write_request(blocks), headers=HEADERS)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise OSError(f"VictoriaMetrics does not take samples: {_said(error)}") from error

    def export(self, matches: Iterable[Mapping[str, str]], from_ms: int, to_ms: int) -> Iterator[Stored]:
        """Read all series that have the labels of one of some sets, from an instant to before another.

        A label that must be absent is "". What was taken in the last second or so may be missing.

        Raises:
            OSError: It does not answer, or with something else.
        """
        selectors = [_selector(match) for match in matches]
        form = {"match[]": selectors, "start": f"{from_ms / 1000:.3f}", "end": f"{(to_ms - 1) / 1000:.3f}"}
        try:
            with self._client.stream("POST", self._export_url, data=form) as answer:
                if answer.is_error:
                    answer.read()
                answer.raise_for_status()
                for text in answer.iter_lines():
                    if text:
                        # VictoriaMetrics 1.79 writes a stale marker as null, but for the first of a series.
                        yield _stored(self._decoder.decode(text.replace('"values":[NaN', '"values":[null', 1)))
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise OSError(f"VictoriaMetrics cannot be read: {_said(error)}") from error


def _stored(line: _Line) -> Stored:
    t_ms, place = np.unique(np.array(line.timestamps, np.int64), return_index=True)
    return Stored(line.metric, t_ms, np.array(line.values, np.float64)[place])


def _selector(match: Mapping[str, str]) -> str:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, value in match.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def _said(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.text[:_SAID_CHARS_MAX].strip()}"
    return str(error) or type(error).__name__
