"""The pytest plugin, as its users meet it: small suites in projects of their own, run by a pytest of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from conftest import MakeProject
from e2e.harness import (
    COMMAND_TIMEOUT,
    Completed,
    ProjectUnderTest,
    call,
    eventually,
    is_running,
    short_folder,
)

SERVE = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "${port.http}"]
STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs"]

FETCH = """
    import urllib.request

    def fetch(roost_project):
        return urllib.request.urlopen(roost_project.url("web"), timeout=60).status
"""


def prepare(project: ProjectUnderTest, tests: str) -> ProjectUnderTest:
    """A project with a web server on a port of its own and something that it needs, and a suite."""
    project.components(
        db={"run": STAY},
        web={
            "run": SERVE,
            "depends_on": ["db"],
            "ports": {"http": "auto"},
            "url": "http://127.0.0.1:${port.http}/",
            "probes": {"readiness": {"tcp": "${port.http}", "period": "0.1s"}},
        },
    )
    project.file("test_suite.py", textwrap.dedent(FETCH) + textwrap.dedent(tests))
    return project


def suite(project: ProjectUnderTest, *options: str) -> Completed:
    """Run the project's tests."""
    return call([*PYTEST, *options], cwd=project.root, env=project.env)


def nothing_runs(project: ProjectUnderTest) -> None:
    """Neither components nor anything of ours."""
    project.wait_for(lambda status: not status["daemon"]["running"], what="the end of the daemon")
    eventually(lambda: not project.leftovers(), what="nothing is left")


PLAIN = """
    def test_it_answers(roost_project):
        assert fetch(roost_project) == 200

    def test_it_still_does(roost_project):
        assert fetch(roost_project) == 200
"""


def test_a_suite_starts_what_it_needs_and_leaves_nothing(project: ProjectUnderTest) -> None:
    """S83, S86, S87: started once, ready when the first test runs, gone after the last."""
    prepare(project, PLAIN)
    done = suite(project)
    assert done.code == 0 and "2 passed" in done.out, str(done)
    started = [one for one in project.events() if one["kind"] == "started" and one["component"] == "web"]
    assert len(started) == 1
    nothing_runs(project)


def test_a_suite_uses_what_runs_and_leaves_it(project: ProjectUnderTest) -> None:
    """S82."""
    prepare(project, PLAIN)
    project.up()
    before = project.pids()
    assert suite(project).code == 0
    assert project.pids() == before


@pytest.mark.parametrize(
    ("option", "code", "word"), [((), 0, "2 skipped"), (("--roost-required",), 1, "2 errors")]
)
def test_a_dependency_that_is_down_skips_the_tests(
    project: ProjectUnderTest, option: tuple[str, ...], code: int, word: str
) -> None:
    """S84: with the reason, and nothing was changed; `--roost-required` makes it a failure."""
    prepare(project, PLAIN)
    project.up()
    project.roost("stop", "db", check=True)
    before = project.pids()
    done = suite(project, *option)
    assert done.code == code and word in done.out and "db was stopped" in done.out, str(done)
    assert project.pids() == before


def test_what_does_not_start_skips_with_its_last_words(project: ProjectUnderTest) -> None:
    """S85: a helpful error, nothing left behind."""
    prepare(project, PLAIN)
    crash = "echo no such table: users; exit 1"
    project.components(db={"run": STAY}, web={"run": crash, "depends_on": ["db"], "restart": "never"})
    done = suite(project)
    assert done.code == 0 and "2 skipped" in done.out and "no such table: users" in done.out, str(done)
    nothing_runs(project)


def test_a_folder_without_a_project_skips(project: ProjectUnderTest) -> None:
    """The plugin is loaded everywhere; only who asks for the fixture hears of it."""
    project.file("test_suite.py", "def test_one(): pass\ndef test_two(roost_project): pass\n")
    done = suite(project)
    assert "1 passed, 1 skipped" in done.out and "roost.yaml" in done.out, str(done)


def test_the_components_and_the_folder_can_be_chosen(project: ProjectUnderTest) -> None:
    """By overriding two fixtures, which is pytest's own way."""
    prepare(
        project,
        """
        def test_one(roost_project):
            assert {n for n, it in roost_project.components.items() if it.pid} == {"db"}
        """,
    )
    project.file(
        "conftest.py",
        textwrap.dedent(
            """
            import pathlib, pytest

            @pytest.fixture(scope="session")
            def roost_components():
                return ("db",)

            @pytest.fixture(scope="session")
            def roost_project_dir():
                return pathlib.Path(__file__).parent
            """
        ),
    )
    done = suite(project)
    assert "1 passed" in done.out, str(done)
    nothing_runs(project)


def test_the_workers_of_one_run_share_the_project(project: ProjectUnderTest) -> None:
    """S87 with pytest-xdist: one start for all of them, and the last one to go stops it."""
    prepare(
        project,
        """
        import os, pathlib, pytest, time

        @pytest.mark.parametrize("number", range(6))
        def test_it_answers(roost_project, number):
            pathlib.Path("at-work-" + os.environ["PYTEST_XDIST_WORKER"]).touch()
            deadline = time.monotonic() + 60
            while len(list(pathlib.Path().glob("at-work-*"))) < 3:  # else one may be done before another begins
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert fetch(roost_project) == 200
        """,
    )
    done = suite(project, "-n", "3")
    assert done.code == 0 and "6 passed" in done.out, str(done)
    started = [one for one in project.events() if one["kind"] == "started" and one["component"] == "web"]
    assert len(started) == 1
    nothing_runs(project)


WAIT = """
    import pathlib, time

    def test_it_waits(roost_project):
        pathlib.Path("waiting").touch()
        time.sleep(600)
"""


def test_a_killed_test_run_leaves_nothing(project: ProjectUnderTest) -> None:
    """S88: kill -9 of the test process; the daemon stops what was started for it, then itself.  S90: while
    the tests run, `roost logs` shows what the components write."""
    prepare(project, WAIT)
    with subprocess.Popen(
        PYTEST, cwd=project.root, env=project.env, stdout=subprocess.DEVNULL, start_new_session=True
    ) as running:
        try:
            eventually((project.root / "waiting").exists, what="the test runs")
            eventually(lambda: "here" in project.roost("logs", "db", check=True).out, what="its output")
            pids = project.pids()
        finally:
            os.killpg(running.pid, signal.SIGKILL)
    for name, pid in pids.items():
        eventually(lambda pid=pid: not is_running(pid), what=f"{name} has ended")
    nothing_runs(project)


def test_two_copies_of_a_project_test_side_by_side(make_project: MakeProject) -> None:
    """S91: `ports: auto` gives each copy ports of its own, and neither notices the other."""
    tests = """
        import pathlib, time

        def test_both_answer(roost_project):
            mine, other = pathlib.Path("port"), pathlib.Path("../other/port")
            if pathlib.Path.cwd().name == "other":
                other = pathlib.Path("../p/port")
            mine.write_text(str(roost_project.port("web", "http")))
            deadline = time.monotonic() + 60
            while not other.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert other.read_text() != mine.read_text()
            assert fetch(roost_project) == 200
    """
    base = short_folder()
    copies = [prepare(make_project(folder, base), tests) for folder in ("p", "other")]
    running = [
        subprocess.Popen(
            PYTEST, cwd=one.root, env=one.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for one in copies
    ]
    said = [one.communicate(timeout=COMMAND_TIMEOUT)[0] for one in running]
    assert [one.returncode for one in running] == [0, 0], "\n".join(said)
    for one in copies:
        nothing_runs(one)


def test_a_test_may_kill_what_it_uses_and_see_it_recover(project: ProjectUnderTest) -> None:
    """S92: failure injection; the restart policy brings it back, and the end is as clean as ever."""
    prepare(
        project,
        """
        import time

        def test_recovery(roost_project):
            client, before = roost_project.client, roost_project.components["web"]
            client.component_signal("web", "KILL")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                now = client.component_get("web")
                if now.run > before.run and now.ready:
                    break
                time.sleep(0.05)
            assert now.restarts == before.restarts + 1 and now.last_exit.signal == 9
            assert fetch(roost_project) == 200

        def test_a_stop_and_a_start(roost_project):
            roost_project.client.component_stop("web")
            assert not roost_project.components["web"].ready
            roost_project.client.component_start("web")
            assert fetch(roost_project) == 200
        """,
    )
    done = suite(project)
    assert done.code == 0 and "2 passed" in done.out, str(done)
    nothing_runs(project)


def test_the_plugin_costs_a_run_without_it_nothing() -> None:
    """It is loaded into every pytest run of its users, so it brings nothing but itself."""
    program = "import pytest, sys; before = set(sys.modules); import roost.testing.plugin; "
    program += "print(*sorted({m for m in set(sys.modules) - before}))"
    brought = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert brought.stdout.split() == ["roost", "roost.testing", "roost.testing.plugin"]
