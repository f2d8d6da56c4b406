"""Where Podman differs behind Docker's interface, in the words that Podman 4.3 was heard to use.  Pure."""

from __future__ import annotations

import struct

import pytest

from roost.edges.engine import faults, podman, seen
from roost.edges.engine.api import Action, ErrorKind, Health, LogPiece, LogStream, Status
from roost.edges.engine.events import happened
from roost.edges.engine.frames import framed

VERSION = {
    "Components": [
        {"Name": "Podman Engine", "Version": "4.3.1", "Details": {"APIVersion": "4.3.1"}},
        {"Name": "Conmon", "Version": "2.1.6"},
    ],
    "Version": "4.3.1",
    "ApiVersion": "1.41",
}
DOCKER = {"Components": [{"Name": "Engine", "Version": "20.10.24"}], "Version": "20.10.24"}


def test_who_answers_is_told_by_its_parts() -> None:
    """Docker's interface, Podman's engine; its own interface is below the version that it names."""
    assert podman.is_podman(VERSION) and not podman.is_podman(DOCKER) and not podman.is_podman({})
    assert podman.own_path(VERSION) == "/v4.3.1/libpod"
    assert (
        podman.own_path({"Version": "5.2.0", "Components": [{"Name": "Podman Engine"}]}) == "/v5.2.0/libpod"
    )


@pytest.mark.parametrize(
    ("full", "ordered"),
    [
        ("docker.io/library/redis:7", "redis:7"),
        ("docker.io/bitnami/redis:7", "bitnami/redis:7"),
        ("localhost/shop-web:latest", "shop-web:latest"),
        ("localhost:5000/shop/web:1", "localhost:5000/shop/web:1"),
        ("quay.io/x/y@sha256:12", "quay.io/x/y@sha256:12"),
    ],
)
def test_an_image_is_named_as_it_was_ordered(full: str, ordered: str) -> None:
    """S26: `status` shows `redis:7` whoever runs it; of Docker each word is kept."""
    assert seen.container({"Config": {"Image": full}}, is_podman=True).image == ordered
    assert seen.container({"Config": {"Image": full}}).image == full


@pytest.mark.parametrize(
    ("word", "status", "is_up", "code"),
    [
        ("configured", Status.CREATED, False, None),
        ("initialized", Status.CREATED, False, None),
        ("running", Status.RUNNING, True, None),
        ("stopping", Status.RUNNING, True, None),
        ("stopped", Status.EXITED, False, 3),
        ("exited", Status.EXITED, False, 3),
    ],
)
def test_podmans_states(word: str, status: Status, is_up: bool, code: int | None) -> None:
    """P11: one that has ended but is not cleared up yet has ended, with its code; one that is ending has not."""
    found = seen.container({"State": {"Status": word, "ExitCode": 3, "Health": {"Status": "", "Log": None}}})
    assert (found.status, found.is_up, found.exit_code, found.health) == (status, is_up, code, Health.NONE)


def test_a_digest_that_may_be_another_is_none() -> None:
    """What was made here, pushed and pulled has two, and Podman does not say which is the registry's."""
    found = {"Id": "ab", "RepoDigests": ["r:5000/a@sha256:1", "docker.io/a@sha256:1"]}
    assert seen.image(found).digest == "sha256:1"
    assert seen.image({**found, "RepoDigests": ["r:5000/a@sha256:1", "r:5000/a@sha256:2"]}).digest is None
    assert seen.image({"Id": "ab"}).digest is None


def test_a_network_is_removed_by_its_name() -> None:
    """By its id Podman removes one that containers are in."""
    known = [{"Id": "ab12", "Name": "shop"}, {"Id": "cd34", "Name": "other"}]
    assert podman.network_name("cd34", known) == "other"
    assert podman.network_name("shop", known) == "shop" and podman.network_name("gone", known) == "gone"


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("can only kill running containers. 12ab is in state exited: container state improper",
         ErrorKind.REFUSED, "not running"),
        ("can only create exec sessions on running containers: container state improper",
         ErrorKind.REFUSED, "not running"),
        ("\"12ab\" is not paused, can't unpause: container state improper", ErrorKind.REFUSED, "not paused"),
        ("name \"x\" is in use, cannot rename container 12ab: container already exists",
         ErrorKind.NAME_TAKEN, "rename"),
        ("error renaming container 12ab: container already exists", ErrorKind.NAME_TAKEN, "rename"),
        ("no container with name or ID \"n2\" found: no such container", ErrorKind.NO_SUCH_CONTAINER, "removed"),
        ("localtest/missing:9: image not known", ErrorKind.NO_SUCH_IMAGE, "`image`"),
    ],
)  # fmt: skip
def test_podmans_refusals(text: str, kind: ErrorKind, word: str) -> None:
    """S16: the same kinds from other words, most of which come with status 500."""
    error = faults.of_answer(500, text, "asking")
    assert error.kind is kind and word in error.message
    assert faults.says_not_running(text) is ("not running" in error.message)


def test_only_an_end_has_an_exit_code() -> None:
    """Podman writes `containerExitCode: 0` into every event."""

    def heard(word: str, **more: str):
        attributes = {"containerExitCode": "0", "name": "web", **more}
        return happened({"Action": word, "timeNano": 5, "Actor": {"ID": "12ab", "Attributes": attributes}})

    started, killed, removed = heard("start"), heard("kill"), heard("remove")
    assert started and started.exit_code is None
    assert killed and killed.exit_code is None and killed.signal is None
    assert removed and removed.action is Action.REMOVED
    died = heard("died", containerExitCode="137")
    assert died and died.action is Action.DIED and died.exit_code == 137
    assert heard("init") is None and heard("cleanup") is None


def test_podmans_log_has_every_newline_and_no_other() -> None:
    """P20: it cuts a long line where it likes, and leaves the last one as it is; a terminal's has frames, too."""
    told = [b"a" * 8192, b"b\n", b"", b"no newline"]
    wire = b""
    for data in told:
        text = b"2026-11-21T11:48:00Z " + data
        wire += struct.pack(">BxxxL", 1, len(text)) + text
    at = seen.time_ns("2026-11-21T11:48:00Z")
    assert at is not None
    assert list(framed([wire], is_exact=True)) == [LogPiece(at, LogStream.STDOUT, data) for data in told]
    behind = framed([wire], is_exact=True, is_merged=True)
    assert {piece.stream for piece in behind} == {LogStream.MERGED}
