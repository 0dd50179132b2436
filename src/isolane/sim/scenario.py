"""This file reads what is to be simulated; it guards that a word it does not know is an error, not a silent default.

A scenario is one TOML file of its own; paths in it are relative to its folder. docs/reference/simulator.md shows one.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id
from isolane.sim.modbus.fronts import MeterKind
from isolane.sim.physics.faults import HEALTHY, FaultKind

Settings = TypeVar("Settings", bound=msgspec.Struct)


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault of one charger."""

    kind: Annotated[FaultKind, Meta(description="What falls ill")]
    level: Annotated[float, Meta(description="Where it ends up, in the kind's own measure")]
    start_s: Annotated[float, Meta(ge=0, description="Simulated seconds after the start")] = 0.0
    ramp_s: Annotated[float, Meta(ge=0, description="Simulated seconds from healthy to level; 0 steps")] = 0.0
    end_s: Annotated[float, Meta(gt=0, description="Simulated seconds until it is repaired")] | None = None

    def __post_init__(self) -> None:
        """Refuse a fault that is none."""
        if self.level == HEALTHY[self.kind]:
            raise ValueError(f"{self.kind} at level {self.level} is healthy")


class ChargerPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One charger."""

    id: Annotated[str, Meta(description="OCPP identity")]
    kind: Annotated[Literal["ac22", "dc150"], Meta(description="22 kW AC with 1.6 or 150 kW DC with 2.0.1")]
    url: Annotated[str, Meta(description="ws:// or wss:// address of CSMS or relay, without the identity")]
    modbus_host: Annotated[str, Meta(description="Address its Modbus server listens on")] = "127.0.0.1"
    modbus_port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port of it; 0: the system chooses")] = 0
    meter: Annotated[MeterKind, Meta(description="What Modbus unit 2 is")] = "sdm630"
    password_path: Annotated[Path | None, Meta(description="File with the HTTP Basic password; none: no auth")] = None
    ca_path: Annotated[Path | None, Meta(description="PEM certificates to check a wss server against")] = None
    certificate_path: Annotated[Path | None, Meta(description="PEM client certificate; none sends none")] = None
    key_path: Annotated[Path | None, Meta(description="PEM key of the client certificate")] = None
    compression: Annotated[bool, Meta(description="Whether permessage-deflate is offered")] = True
    gap_s: Annotated[float, Meta(gt=0, description="Mean simulated seconds between two visits")] = 300.0
    energy_scale: Annotated[float, Meta(gt=0, description="Factor on measured energy and stay of visits")] = 1.0
    meter_interval_s: Annotated[float, Meta(gt=0, description="Real seconds between two meter values")] = 10.0
    faults: Annotated[tuple[FaultPlan, ...], Meta(description="What falls ill, and when")] = ()

    def __post_init__(self) -> None:
        """Check what single fields cannot say."""
        if not is_charger_id(self.id):
            raise ValueError(f"{self.id!r} cannot be an OCPP identity")
        if not self.url.startswith(("ws://", "wss://")):
            raise ValueError(f"url {self.url!r} begins with neither ws:// nor wss://")


class WeatherPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weather of the site."""

    mean_c: Annotated[float, Meta(ge=-40, le=50, description="Daily mean of the air, Celsius")] = 15.0
    swing_k: Annotated[float, Meta(ge=0, le=20, description="Half of afternoon less night, K")] = 5.0
    humidity_rh: Annotated[float, Meta(ge=1, le=100, description="Relative humidity, percent")] = 60.0
    hour: Annotated[float, Meta(ge=0, lt=24, description="Hour of the day at the start")] = 12.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the process `chargers` simulates."""

    chargers: Annotated[tuple[ChargerPlan, ...], Meta(min_length=1, description="The chargers")]
    journal_path: Annotated[Path, Meta(description="File that chargers write their metering to, JSON lines")]
    status_path: Annotated[Path | None, Meta(description="Status file, JSON, each second; none: none")] = None
    seed: Annotated[int, Meta(description="Everything random follows from it and the identities")] = 1
    speed: Annotated[float, Meta(gt=0, le=600, description="Simulated seconds per real second")] = 1.0
    step_ms: Annotated[int, Meta(ge=20, le=1000, description="Real milliseconds between two steps")] = 200
    drain_s: Annotated[float, Meta(ge=0, description="Longest wait for unanswered messages at the end, s")] = 10.0
    weather: WeatherPlan = WeatherPlan()

    def __post_init__(self) -> None:
        """Check that identities differ."""
        ids = [charger.id for charger in self.chargers]
        if len(set(ids)) != len(ids):
            raise ValueError("two chargers have the same id")


class CsmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the process `csms` does."""

    ledger_path: Annotated[Path, Meta(description="File of the billing ledger, JSON lines")]
    host: Annotated[str, Meta(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="Port to listen on; 0: the system chooses")] = 0
    status_path: Annotated[Path | None, Meta(description="Status file, JSON, each second; none: none")] = None
    certificate_path: Annotated[Path | None, Meta(description="PEM chain; given, it serves wss")] = None
    key_path: Annotated[Path | None, Meta(description="PEM key of the certificate")] = None
    client_ca_path: Annotated[Path | None, Meta(description="PEM; given, clients must show a certificate")] = None
    chargers: Annotated[tuple[str, ...], Meta(description="Known identities; empty lets everyone in")] = ()
    password_paths: Annotated[dict[str, Path], Meta(description="Files with Basic passwords by identity")] = {}
    blocked_tokens: Annotated[tuple[str, ...], Meta(description="Tokens that are not authorised")] = ()
    heartbeat_s: Annotated[int, Meta(ge=1, description="Heartbeat interval for chargers, s")] = 60
    ping_s: Annotated[float, Meta(gt=0, description="Time between WebSocket pings, s; none: none")] | None = 20.0

    def __post_init__(self) -> None:
        """Check that certificate and key come together."""
        if (self.certificate_path is None) != (self.key_path is None):
            raise ValueError("certificate_path and key_path go together")


def load_scenario(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        IsolaneError: The file cannot be read, is not TOML, or a key or value is wrong; the error says which.
    """
    return _load(path, Scenario)


def load_csms(path: Path) -> CsmsSettings:
    """Read the settings of a CSMS.

    Raises:
        IsolaneError: See `load_scenario`.
    """
    return _load(path, CsmsSettings)


def read_password(path: Path) -> bytes:
    """Read a password file; one line end at its end does not count.

    Raises:
        IsolaneError: It cannot be read.
    """
    try:
        return path.read_bytes().removesuffix(b"\n")
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}", "write the password into that file") from error


def _load(path: Path, into: type[Settings]) -> Settings:
    hint = "see docs/reference/simulator.md"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsolaneError(f"cannot read {path}: {error}", hint) from error
    try:
        return msgspec.convert(document, into, dec_hook=_paths_below(path.absolute().parent))
    except msgspec.ValidationError as error:
        raise IsolaneError(f"{path}: {error}", hint) from error


def _paths_below(folder: Path) -> Callable[[type, Any], Any]:
    def convert(kind: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's hook signature
        if not issubclass(kind, Path):
            raise NotImplementedError(kind)
        if not isinstance(value, str):
            raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
        return folder / value

    return convert
