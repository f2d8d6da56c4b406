"""Ports that are free, taken, or left over; and the choice of one for `auto`."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

import pytest

from e2e.harness import free_port as a_free_port
from e2e.harness import needs_ipv6
from roost.edges import ports
from roost.edges.ports import Stranger, free_port, holder

IPV6 = [pytest.param(address, marks=needs_ipv6) for address in ("::1", "::")]


def listener(address: str = "127.0.0.1", port: int = 0) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family)
    made.bind((address, port))
    made.listen()
    return made


def port_of(one: socket.socket) -> int:
    return int(one.getsockname()[1])


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", *IPV6])
def test_a_listener_is_named_with_its_pid(address: str) -> None:
    """Who holds the port is said with name and pid, for every kind of address (P10)."""
    with listener(address) as taken:
        stranger = holder(port_of(taken), address)
    assert stranger is not None and stranger.pid == os.getpid()
    assert stranger.name and str(stranger) == f"{stranger.name} (pid {os.getpid()})"


@pytest.mark.parametrize(("theirs", "ours"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")])
def test_one_who_listens_everywhere_is_in_the_way_and_has_us_in_his(theirs: str, ours: str) -> None:
    """An address for all conflicts with each single one, in both directions (P10)."""
    with listener(theirs) as taken:
        stranger = holder(port_of(taken), ours)
    assert stranger is not None and stranger.pid == os.getpid()


def test_a_free_port_has_no_holder_and_the_table_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The common case costs one bind (S4)."""
    port = a_free_port()
    monkeypatch.setattr(ports, "_find", lambda *_: pytest.fail("read the table"))
    assert holder(port) is None
    assert holder(port, protocol="udp") is None
    assert holder(port, "192.0.2.1") is None  # not an address of this machine: not ours to judge


def test_what_is_left_of_closed_connections_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port in TIME_WAIT is not held by a stranger."""
    with listener() as listening:
        port = port_of(listening)
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = listening.accept()
            served.close()  # this side closes first, so it is the one that waits
            assert client.recv(1) == b""
    monkeypatch.setattr(ports, "_find", lambda *_: pytest.fail("read the table"))
    assert holder(port) is None


def test_a_udp_holder_is_found() -> None:
    """Datagram ports have holders, too, and those of the other protocol are not in the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        stranger = holder(port_of(taken), protocol="udp")
        assert stranger is not None and stranger.pid == os.getpid()
        assert holder(port_of(taken), protocol="tcp") is None


def test_a_holder_that_cannot_be_seen_is_still_a_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's process has no pid for us, but it holds the port all the same (P10)."""
    monkeypatch.setattr(ports, "_find", lambda *_: None)
    with listener() as taken:
        stranger = holder(port_of(taken))
    assert stranger == Stranger(None, None) and str(stranger) == "another user's process"


def test_without_the_whole_table_our_own_processes_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS shows all connections to root alone; a port of one of our own is found nevertheless."""
    import psutil

    def refuse(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with listener() as taken:
        stranger = holder(port_of(taken))
    assert stranger is not None and stranger.pid == os.getpid()


def test_a_chosen_port_can_be_bound_and_is_outside_of_the_outgoing_range() -> None:
    """No outgoing connection can come to sit on it while its component is down."""
    port = free_port(set(), "shop/api/http")
    assert 20000 <= port < 32000
    with listener(port=port):
        pass


def test_the_same_wish_gets_the_same_port_and_others_get_others() -> None:
    """A port stays with its component, and two projects at once do not meet (S91)."""
    chosen = {wish: free_port(set(), wish) for wish in ("a/api", "b/api", "a/web")}
    assert chosen == {wish: free_port(set(), wish) for wish in chosen}
    assert len(set(chosen.values())) == 3


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", IPV6[1]])
def test_a_port_that_is_taken_or_promised_is_not_chosen(address: str) -> None:
    """Neither one that somebody listens on, by any address, nor one given to another component (S78)."""
    wish = "shop/api/http"
    first = free_port(set(), wish)
    second = free_port({first}, wish)
    assert second != first
    with ExitStack() as stack:
        stack.enter_context(listener(address, second))
        assert free_port({first}, wish) not in (first, second)


def test_when_every_port_is_taken_it_says_so() -> None:
    """Running out of ports is an error with its reason, not an endless search."""
    with pytest.raises(OSError, match="no free port between 20000 and 31999"):
        free_port(range(20000, 32000))
