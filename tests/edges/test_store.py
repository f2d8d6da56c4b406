"""state.json: atomic, versioned, and never a reason not to start."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from roost.core.model import Spec
from roost.core.states import Component, Desired, Ended, Exit, Fault, Halt, State
from roost.edges import store

SPEC = Spec(name="api", run=("true",))


def component() -> Component:
    """One with every field set to something of its own."""
    ended = Exit(run=3, code=None, signal=9, known=True, at=7.5, wall=1.7e9, uptime=2.5)
    return Component(
        spec=SPEC,
        state=State.BACKOFF,
        desired=Desired.RUNNING,
        reason="exit code 1; restart 3 of 10 in 4 s",
        run=3,
        ready=False,
        halt=Halt.FAULT,
        started=5.0,
        wall_started=1.7e9,
        deadline=11.5,
        history=(
            Ended(1.0, 0.5),
            Ended(7.5, 2.5, 2, 1.7e9, signal=9),
            Ended(9.5, 2.5, 3, 1.7e9, cause="liveness probe failed: HTTP 500"),
        ),
        restarts=2,
        wall_restarted=1.7e9,
        last_exit=ended,
        last_fault=Fault(message="killed by SIGKILL", wall=1.7e9),
    )


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """P8: wishes, history and deadlines survive."""
    path, one = str(tmp_path / "state.json"), component()
    store.save(
        path, store.SavedState(boot_id="b", components={"api": store.saved(one)}, ports={"api": {"http": 1}})
    )
    loaded = store.load(path)

    assert loaded.problem is None and loaded.state is not None
    assert store.restored(SPEC, loaded.state.components["api"]) == one
    assert loaded.state.ports == {"api": {"http": 1}}


def test_no_file_is_another_thing_than_a_bad_one(tmp_path: Path) -> None:
    """S69: "nothing there yet" has no problem to tell."""
    assert store.load(str(tmp_path / "state.json")) == store.Loaded(state=None, problem=None)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": "1"}', b'{"version": 0}', b'{"version": true}',
     b'{"version": 1, "components": 7}', b'{"version": 1, "components": {"a": {"state": "dancing"}}}',
     b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_kept_aside_and_told(tmp_path: Path, content: bytes) -> None:
    """S73, P20: the daemon starts without it; nothing is thrown away."""
    path = tmp_path / "state.json"
    path.write_bytes(content)
    loaded = store.load(str(path))

    assert loaded.state is None
    assert loaded.problem is not None and "state.json.unreadable" in loaded.problem
    assert not path.exists()
    assert (tmp_path / "state.json.unreadable").read_bytes() == content


def test_a_file_of_a_newer_roost_is_refused_and_left_alone(tmp_path: Path) -> None:
    """S73: with a sentence that says what to do."""
    path = tmp_path / "state.json"
    path.write_text('{"version": 99}')

    with pytest.raises(store.NewerVersion, match="newer Roost"):
        store.load(str(path))
    assert path.read_text() == '{"version": 99}'


def test_an_older_file_is_migrated_step_by_step() -> None:
    """S73: each migration knows one step."""
    migrations = {1: lambda raw: {**raw, "second": True}, 2: lambda raw: {**raw, "third": raw["second"]}}

    assert store.migrate({"version": 1}, "f", version=3, migrations=migrations) == {
        "version": 3,
        "second": True,
        "third": True,
    }


def test_a_history_without_exits_is_read_and_counts(tmp_path: Path) -> None:
    """S73, P8: what a Roost wrote that kept of each life only when and how long, still keeps the limit."""
    path = tmp_path / "state.json"
    entry = {"desired": "running", "state": "backoff", "run": 2, "history": [[1.0, 0.5], [7.5, 2.5]]}
    path.write_text(json.dumps({"version": 1, "boot_id": "b", "components": {"api": entry}}))
    loaded = store.load(str(path))

    assert loaded.problem is None and loaded.state is not None
    assert loaded.state.components["api"].history == (Ended(1.0, 0.5), Ended(7.5, 2.5))


def test_such_a_roost_reads_the_history_of_this_one() -> None:
    """P6: the daemon can be replaced by an older one, too; it takes the two fields that it knows."""

    class Before(Struct, frozen=True, array_like=True):
        at: float
        uptime: float

    written = msgspec.json.encode(component().history)

    assert msgspec.json.decode(written, type=tuple[Before, ...])[1:] == (Before(7.5, 2.5), Before(9.5, 2.5))


def test_no_secret_is_kept_in_the_history() -> None:
    """P19: the causes of past ends are masked like every other text of ours."""
    kept = store.saved(component(), lambda text: text.replace("500", "***"))

    assert [life.cause for life in kept.history] == [None, None, "liveness probe failed: HTTP ***"]


def test_there_is_a_migration_for_every_older_version() -> None:
    """S73: whoever raises the version has to bring the way there."""
    assert set(store.MIGRATIONS) == set(range(1, store.VERSION))


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """S71: while it is written again and again, every look finds a whole document."""
    path = str(tmp_path / "state.json")
    states = [
        store.SavedState(boot_id=letter * 5000, components={"api": store.saved(component())})
        for letter in "ab"
    ]
    store.save(path, states[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for state in states:
                store.save(path, state)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {json.loads(Path(path).read_bytes())["boot_id"][0] for _ in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen <= {"a", "b"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """P20: a state, a problem, or the refusal of a newer version."""
    path = tmp_path_factory.mktemp("s") / "state.json"
    path.write_bytes(content)
    try:
        loaded = store.load(str(path))
    except store.NewerVersion:
        return
    assert (loaded.state is None) == (loaded.problem is not None)


def test_only_the_store_writes_it() -> None:
    """DESIGN §2: one owner; the command reads it through records.laststate when there is no daemon."""
    package = Path(store.__file__).parents[1]
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "state_json" in path.read_text(encoding="utf-8")
    }
    assert users <= {
        "platform/paths.py",
        "edges/store.py",
        "edges/saver.py",
        "supervise/daemon.py",
        "records/laststate.py",
        "cli/explaining.py",
        "cli/last_known.py",
        "cli/remains.py",
        "cli/doctor/surroundings.py",
    }
