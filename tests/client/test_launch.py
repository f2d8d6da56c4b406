"""Making sure that a daemon runs: started where none answers, once, however many ask (S2, S33, S72)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edges.rpc_rig import paths_in, serving, short_folder
from roost.client import fast, launch
from roost.client.errors import RoostError, Timeout
from roost.platform import endpoint, programs
from roost.platform.paths import ProjectPaths

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in listens on a Unix socket")

FAKE = Path(__file__).parent / "fake_keeper.py"


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectPaths]:
    """A project whose keeper is the stand-in; what was started is ended."""
    monkeypatch.setattr(
        programs, "keeper_argv", lambda paths: [sys.executable, str(FAKE), paths.root, paths.state, paths.run]
    )
    with short_folder() as folder:
        found = paths_in(folder)
        yield found
        if Path(found.endpoint.removeprefix("unix:")).exists():
            fast.call(found, "quit")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}


def starts(paths: ProjectPaths) -> int:
    return len((Path(paths.state) / "starts").read_text().splitlines())


def test_a_daemon_that_answers_is_left_alone(paths: ProjectPaths) -> None:
    """Where one answers nothing is started (S5)."""
    with serving(Path(paths.endpoint.removeprefix("unix:"))):
        assert launch.ensure_daemon(paths, environment(FAKE="refuse")) is False


def test_where_none_answers_one_is_started(paths: ProjectPaths) -> None:
    """It answers when the call returns, and a second call finds it (S33)."""
    assert launch.ensure_daemon(paths, environment()) is True
    assert fast.call(paths, "ping") == {"pong": True}
    assert launch.ensure_daemon(paths, environment()) is False
    assert starts(paths) == 1


def test_many_at_once_start_one(paths: ProjectPaths) -> None:
    """Eight at the same time: all succeed, one has started (S2, S72)."""
    results: list[bool | Exception] = []

    def ensure() -> None:
        try:
            results.append(launch.ensure_daemon(paths, environment(), 120.0))
        except Exception as error:  # noqa: BLE001  the test looks at it
            results.append(error)

    threads = [threading.Thread(target=ensure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)
    assert all(isinstance(one, bool) for one in results), results
    assert len(results) == 8
    assert starts(paths) == 1


def test_the_keepers_reason_is_handed_on(paths: ProjectPaths) -> None:
    """A keeper that cannot run says why, and the caller hears it (S33)."""
    with pytest.raises(RoostError, match="the disk is full") as caught:
        launch.ensure_daemon(paths, environment(FAKE="refuse"))
    assert caught.value.kind == "not_started"


def test_a_daemon_that_never_answers_is_a_timeout(paths: ProjectPaths) -> None:
    """A keeper without an answering daemon: Timeout, which names both logs (S33, S53)."""
    with pytest.raises(Timeout, match="does not answer") as caught:
        launch.ensure_daemon(paths, environment(FAKE="mute"), 2.0)
    assert paths.daemon_log in str(caught.value.hint)
    assert paths.keeper_log in str(caught.value.hint)


def test_a_program_that_cannot_be_started_is_named(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing interpreter is an error with a reason, not a wait."""
    monkeypatch.setattr(programs, "keeper_argv", lambda _paths: ["/nowhere/python"])
    with pytest.raises(RoostError) as caught:
        launch.ensure_daemon(paths, environment())
    assert caught.value.kind == "not_started"


def test_a_daemon_that_hangs_is_a_timeout(paths: ProjectPaths) -> None:
    """Somebody who listens and says nothing is alive: no second one is started."""
    listener = endpoint.listen(paths.endpoint)
    with listener, pytest.raises(Timeout):
        launch.ensure_daemon(paths, environment(), 0.2)
    assert not (Path(paths.state) / "starts").exists()
    os.unlink(paths.endpoint.removeprefix("unix:"))
