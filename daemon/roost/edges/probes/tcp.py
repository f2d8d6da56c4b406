"""The `tcp` probe: a connection that is accepted is success; nothing is sent."""

from __future__ import annotations

from roost.core.model import TcpProbe

from .answer import Answer, Unreachable
from .connect import Connector, place


def subject(probe: TcpProbe) -> str:
    """What a look does, for the text of a time-out."""
    return f"connecting to {place(probe.host, int(probe.port))}"


async def look(probe: TcpProbe, connector: Connector) -> Answer:
    """Connect once and hang up."""
    port = int(probe.port)
    try:
        connection = await connector.connect(probe.host, port)
    except Unreachable as error:
        return Answer(False, str(error))
    connection.close()
    return Answer(True, f"{place(probe.host, port)} accepts connections")
