"""The `grpc` probe against a real server of grpc.health.v1."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from e2e.harness import free_port
from roost.core.health import Result
from roost.core.model import GrpcProbe
from roost.edges.clock import RealClock
from roost.edges.probes.answer import Context
from roost.edges.probes.check import Checker

CONTEXT = Context(folder="/", environment=dict, lines=lambda: pytest.fail("no log probe here"))


class Server:
    """A health service that says what the test wants."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        self.health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        address = "127.0.0.1:0"
        self.port = (
            self.server.add_insecure_port(address)
            if credentials is None
            else self.server.add_secure_port(address, credentials)
        )
        self.server.start()

    def say(self, service: str, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        self.health.set(service, status.SERVING if serving else status.NOT_SERVING)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.server.stop(None).wait()


def look(port: int, service: str = "", timeout: float = 30.0, tls: bool = False) -> Result:
    probe = GrpcProbe(port=str(port), service=service, tls=tls)
    return asyncio.run(Checker(RealClock()).check(probe, CONTEXT, timeout))


def test_serving_is_success_and_anything_else_is_not(server: Server) -> None:
    """grpc.health.v1: SERVING alone passes; what was said is in the message (S16)."""
    server.say("", True)
    assert look(server.port).ok
    server.say("", False)
    answer = look(server.port)
    assert (answer.ok, answer.message) == (False, f"NOT_SERVING from 127.0.0.1:{server.port}")


def test_a_service_is_asked_about_by_name(server: Server) -> None:
    """`service`: each has its own answer; one that the server does not know is a failure that says so."""
    server.say("", True)
    server.say("shop.Orders", False)
    assert not look(server.port, "shop.Orders").ok
    assert (
        look(server.port, "shop.Nothing").message
        == f"127.0.0.1:{server.port} knows no service 'shop.Nothing'"
    )


def test_nobody_there_is_told_in_words() -> None:
    """S16: like a tcp probe's, and within the time-out."""
    port = free_port()
    answer = look(port)
    assert (answer.ok, answer.message) == (False, f"connection refused on 127.0.0.1:{port}")


def test_a_server_without_health_checks_says_so() -> None:
    """A gRPC server that does not offer grpc.health.v1 is not healthy, and it is told why."""
    bare = grpc.server(futures.ThreadPoolExecutor(1))
    port = bare.add_insecure_port("127.0.0.1:0")
    bare.start()
    try:
        assert look(port).message == f"127.0.0.1:{port} does not offer grpc.health.v1"
    finally:
        bare.stop(None).wait()


def test_a_silent_server_costs_its_own_time_out_and_no_more() -> None:
    """P12: bounded by `timeout`, with a clear sentence."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        answer = look(listener.getsockname()[1], timeout=0.3)
    assert not answer.ok
    assert "time" in answer.message
    assert answer.latency_s < 30


@pytest.mark.parametrize("signed_by", ["itself", "somebody"])
def test_with_tls_a_certificate_is_taken_as_it_is(tmp_path: Path, signed_by: str) -> None:
    """As with https: self-signed, or signed by whom nobody knows, for whatever name."""
    key, certificate = make_certificate(tmp_path, signed_by)
    running = Server(grpc.ssl_server_credentials([(key, certificate)]))
    running.say("", True)
    try:
        assert look(running.port, tls=True).ok
        assert not look(running.port, tls=False, timeout=1.0).ok
    finally:
        running.server.stop(None).wait()


def make_certificate(folder: Path, signed_by: str) -> tuple[bytes, bytes]:
    """Key and certificate, made with openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes")
    if signed_by == "itself":
        openssl(
            "req", "-x509", *new, "-keyout", "key", "-out", "cert", "-days", "2", "-subj", "/CN=localhost"
        )
    else:
        openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca", "-days", "2", "-subj", "/CN=some ca")
        openssl("req", *new, "-keyout", "key", "-out", "csr", "-subj", "/CN=shop.test")
        sign = ("-CA", "ca", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", "csr", *sign, "-out", "cert")
    return (folder / "key").read_bytes(), (folder / "cert").read_bytes()


def test_what_is_heavy_is_loaded_only_when_used() -> None:
    """P25: a daemon without such components has neither grpc nor watchfiles nor cronsim in its memory."""
    script = (
        "import sys, roost.supervise.daemon, roost.supervise.handlers;"
        "print([name for name in ('grpc', 'google', 'watchfiles', 'anyio', 'cronsim') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
