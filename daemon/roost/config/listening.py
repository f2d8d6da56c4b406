"""The `ports` of a component: by number, by name, or as a container publishes them."""

from __future__ import annotations

from typing import Final, NamedTuple

from roost.core.model import Port

from .commands import MOST_PORT, port_number
from .nodes import Node, Scalar
from .problems import show
from .reader import At, Definitions, Reader, ScalarReader, Schema
from .shapes import ListOf, MapOf, Shapes

AUTO: Final = "auto"
PORT_NAME: Final = r"^[a-zA-Z][a-zA-Z0-9_-]*$"


class Listed(NamedTuple):
    """A port and where the file says it."""

    port: Port
    node: Node
    at: At


class _Port(ScalarReader[Listed]):
    """One port of a list: `PORT`, `HOST:CONTAINER` or `ADDRESS:HOST:CONTAINER`, with `/tcp` or `/udp`."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> Listed | None:
        text, slash, protocol = scalar.text.partition("/")
        if slash and protocol not in ("tcp", "udp"):
            at.error(node, f"{show(node.text)} does not end with a protocol", "end it with /tcp or /udp")
            return None
        if text == AUTO:
            at.error(
                node, "a port that is chosen needs a name", "write ports: {http: auto} and use ${port.http}"
            )
            return None
        rest, colon, last = text.rpartition(":")
        number = port_number(last, node, at)
        if number is None:
            return None
        protocol = protocol or "tcp"
        if not colon:
            return Listed(Port(port=number, protocol=protocol), node, at)
        address, colon, host = rest.rpartition(":")
        published = port_number(host, node, at)
        if published is None:
            return None
        if not colon:
            return Listed(Port(port=published, target=number, protocol=protocol), node, at)
        return self._addressed(address, published, number, protocol, node, at)

    def _addressed(
        self, address: str, published: int, target: int, protocol: str, node: Scalar, at: At
    ) -> Listed | None:
        import ipaddress

        bare = address.removeprefix("[").removesuffix("]")
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            at.error(
                node, f"{show(node.text)} does not begin with an address", "write 127.0.0.1:HOST:CONTAINER"
            )
            return None
        return Listed(Port(address=bare, port=published, target=target, protocol=protocol), node, at)

    def schema(self, definitions: Definitions) -> Schema:
        text = {"type": "string", "pattern": r"^((.+:)?[0-9]+:)?[0-9]+(/(tcp|udp))?$|\$\{"}
        return {"anyOf": [_NUMBER, text]}

    def words(self) -> str:
        return "`PORT`; for a container `[ADDRESS:]HOST:CONTAINER`; with `/udp` for UDP"


class _NamedPort(ScalarReader[Listed]):
    """One port of a map: a number, or `auto`."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> Listed | None:
        text, slash, protocol = scalar.text.partition("/")
        if slash and protocol not in ("tcp", "udp"):
            at.error(node, f"{show(node.text)} does not end with a protocol", "end it with /tcp or /udp")
            return None
        number = None if text == AUTO else port_number(text, node, at)
        if number is None and text != AUTO:
            return None
        return Listed(Port(port=number, protocol=protocol or "tcp"), node, at)

    def schema(self, definitions: Definitions) -> Schema:
        return {"anyOf": [_NUMBER, {"type": "string", "pattern": r"^(auto|[0-9]+)(/(tcp|udp))?$|\$\{"}]}

    def words(self) -> str:
        return "a number or `auto`"


_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MOST_PORT}


class _NamedPorts(Reader[tuple[Listed, ...]]):
    """`{http: auto, admin: 9000}`."""

    _map = MapOf(
        _NamedPort(),
        pattern=PORT_NAME,
        what="a port's name",
        hint="begin with a letter; then letters, digits, _ and -",
    )

    def read(self, node: Node, at: At) -> tuple[Listed, ...] | None:
        ports = self._map.read(node, at)
        if ports is None:
            return None
        return tuple(
            Listed(
                Port(name=name, port=listed.port.port, protocol=listed.port.protocol), listed.node, listed.at
            )
            for name, listed in ports.items()
        )

    def schema(self, definitions: Definitions) -> Schema:
        return self._map.schema(definitions)

    def words(self) -> str:
        return self._map.words()


PORTS: Final[Reader[tuple[Listed, ...]]] = Shapes(sequence=ListOf(_Port()), mapping=_NamedPorts())
