"""This file sends one message over MQTT; it guards that a message the broker cannot take never ends the session."""

from isolane.health.links.counts import LinkCounts
from isolane.health.links.mqtt.connect import Session
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.port import Message

_ENVELOPE_BYTES_MAX = 32
"""Fixed header, lengths, packet number and properties of a PUBLISH, beside topic and payload."""


async def send(
    session: Session, topic: str, message: Message, counts: LinkCounts, settings: MqttSettings
) -> str | None:
    """Bring one message to the broker.

    Returns:
        Why the broker would not take it; None if it did.

    Raises:
        aiomqtt.MqttError: The session is over.
    """
    size = len(message.data)
    limit = session.packet_bytes_max
    if limit is not None and size + len(topic) + _ENVELOPE_BYTES_MAX > limit:
        # Sending it would have the broker end the session, for ever again.
        return f"{size} bytes are more than the broker's {limit}"
    counts.count(message.kind, size)
    return await session.deliver(topic, message.data, settings.dead_s, settings.expiry_s)
