"""The `grpc` probe: grpc.health.v1.Health/Check; SERVING is success.

grpcio is loaded by the first such probe there is, and asked in a thread of its own.  As with the kubelet,
each look has a connection of its own; with `tls` the certificate is taken as it is, whoever has signed it, as
with an https probe.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from roost.core.model import GrpcProbe

from .answer import Answer
from .connect import in_thread, place

_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVING = 1


def subject(probe: GrpcProbe) -> str:
    """What a look does, for the text of a time-out."""
    return f"asking grpc.health.v1 of {_where(probe)}"


async def look(probe: GrpcProbe, timeout: float) -> Answer:
    """Ask once.  `timeout` (seconds) bounds the thread; the caller bounds the look."""
    return await in_thread(lambda: _ask(probe, timeout))


def _ask(probe: GrpcProbe, timeout: float) -> Answer:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it would write to our standard error
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    try:
        channel = _channel(grpc, probe, timeout)
    except OSError as error:
        return Answer(False, f"no TLS with {_where(probe)}: {error}")
    try:
        request = health_pb2.HealthCheckRequest(service=probe.service)
        status = int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout).status)
    except grpc.RpcError as error:
        return Answer(False, _trouble(grpc, error, probe))
    finally:
        channel.close()
    return Answer(status == _SERVING, f"{_STATUS.get(status, status)} from {_subject_of(probe)}")


def _channel(grpc: Any, probe: GrpcProbe, timeout: float) -> Any:
    options: list[tuple[str, int | str]] = [
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if not probe.tls:
        return grpc.insecure_channel(_where(probe), options=options)
    certificate, name = _certificate(probe, timeout)
    if name is not None:
        options.append(("grpc.ssl_target_name_override", name))
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate.encode())
    return grpc.secure_channel(_where(probe), credentials, options=options)


def _certificate(probe: GrpcProbe, timeout: float) -> tuple[str, str | None]:
    """The server's own certificate (PEM) and a name that it is for: gRPC always checks, so it checks these."""
    import ssl

    address = (probe.host, int(probe.port))
    certificate = ssl.get_server_certificate(address, timeout=timeout)
    context = ssl.create_default_context(cadata=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with (
        socket.create_connection(address, timeout=timeout) as plain,
        context.wrap_socket(plain) as connection,
    ):
        facts: dict[str, Any] = connection.getpeercert() or {}
    names = [value for kind, value in facts.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for part in facts.get("subject", ()) for key, value in part if key == "commonName"]
    return certificate, next((name.replace("*", "any", 1) for name in names), None)


def _trouble(grpc: Any, error: Any, probe: GrpcProbe) -> str:
    """What gRPC said, as a sentence."""
    code, details = error.code(), str(error.details() or "")
    if code is grpc.StatusCode.NOT_FOUND:
        return f"{_where(probe)} knows no service {probe.service!r}"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return f"{_where(probe)} does not offer grpc.health.v1"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer in time from {_where(probe)}"
    if "Connection refused" in details:
        return f"connection refused on {_where(probe)}"
    return f"{code.name} from {_where(probe)}: {details[:200]}"


def _subject_of(probe: GrpcProbe) -> str:
    return f"{_where(probe)} for {probe.service!r}" if probe.service else _where(probe)


def _where(probe: GrpcProbe) -> str:
    return place(probe.host, int(probe.port))
