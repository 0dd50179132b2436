"""This file is an SNMP agent on another library's engine; it guards that v2c and v3 are judged by a real one."""

from collections.abc import Callable, Mapping
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp  # type: ignore[import-untyped]
from pysnmp.entity import config, engine  # type: ignore[import-untyped]
from pysnmp.entity.rfc3413 import cmdrsp, context  # type: ignore[import-untyped]
from pysnmp.proto import rfc1905  # type: ignore[import-untyped]
from pysnmp.smi import instrum  # type: ignore[import-untyped]

from isolane.config.values import Address

COMMUNITY = "public-not"
USER, AUTH_PASSWORD, PRIVACY_PASSWORD = "reader", "sign-this-well", "hide-this-well"
Objects = Mapping[tuple[int, ...], Any]


class _Objects(instrum.AbstractMibInstrumController):  # type: ignore[misc]
    def __init__(self, objects: Callable[[], Objects]) -> None:
        self._objects = objects

    def read_variables(self, *bindings: tuple[Any, Any], **_: object) -> list[Any]:
        known = self._objects()
        return [(name, known.get(tuple(name), rfc1905.noSuchInstance)) for name, _ in bindings]


class SnmpAgent:
    """Answers GET on loopback; `objects` may be changed while it runs."""

    def __init__(self, objects: Objects, port: int) -> None:
        self.objects = objects
        self.address = Address("127.0.0.1", port)
        self._engine: Any = None

    def start(self) -> None:
        """Listen."""
        self._engine = made = engine.SnmpEngine()
        transport = udp.UdpTransport().open_server_mode(("127.0.0.1", self.address.port))
        config.add_transport(made, udp.DOMAIN_NAME, transport)
        config.add_v1_system(made, "area", COMMUNITY)
        config.add_v3_user(
            made,
            USER,
            config.USM_AUTH_HMAC192_SHA256,
            AUTH_PASSWORD,
            config.USM_PRIV_CFB128_AES,
            PRIVACY_PASSWORD,
        )
        config.add_vacm_user(made, 2, "area", "noAuthNoPriv", (1, 3), (), ())
        config.add_vacm_user(made, 3, USER, "authPriv", (1, 3), (), ())
        shown = context.SnmpContext(made)
        shown.unregister_context_name(b"")
        shown.register_context_name(b"", _Objects(lambda: self.objects))
        cmdrsp.GetCommandResponder(made, shown)

    def stop(self) -> None:
        """Stop listening."""
        if self._engine is not None:
            self._engine.close_dispatcher()
            self._engine = None
