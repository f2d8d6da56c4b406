"""Fixtures and options of the whole suite: projects under test, `--all`, tests that must run alone, leftovers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import portalocker
import pytest
from hypothesis import HealthCheck, settings

import leftovers
import timelimit
from e2e.harness import ProjectUnderTest, short_folder
from support.engine import RealEngine, real_engine

ENGINE_TESTS = re.compile(r"/test_(engine|container)[^/]*$")
LEFT_BEHIND = pytest.StashKey[list[str]]()
MakeProject = Callable[..., ProjectUnderTest]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all` adds what is too long for every push."""
    parser.addoption("--all", action="store_true", help="run the tests marked slow, too (chaos, soak, scale)")


def pytest_configure(config: pytest.Config) -> None:
    """Markers that belong to the fixtures below."""
    config.addinivalue_line("markers", "serial: measures time or load; no other test runs beside it")
    leftovers.mark_this_run()
    settings.register_profile(
        "roost", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )  # how quick the machine is says nothing about what is tested
    settings.load_profile("roost")
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # so are jobs that a script starts with `&` or nohup
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that leaves a process behind has failed, and says which test did it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    found = leftovers.end_leftovers()
    session.config.stash[LEFT_BEHIND] = found
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left behind, before pytest's closing line."""
    found = config.stash.get(LEFT_BEHIND, [])
    if found:
        terminalreporter.section("processes left behind, and the tests that started them", red=True)
        terminalreporter.write_line("\n".join(found))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that hangs fails, and the others still run."""
    with timelimit.limit(timelimit.LONG if item.config.getoption("--all") else timelimit.SECONDS):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a failure readable, and sendable by xdist, when its text holds bytes that are no UTF-8."""
    report = yield
    report.sections = [(_printable(title), _printable(text)) for title, text in report.sections]
    if report.failed and _printable(text := report.longreprtext) != text:
        report.longrepr = _printable(text)
    return report


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As xdist does it, but one worker gets all that needs the container engine: there is one of it."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneForTheEngine(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            needs_engine = ENGINE_TESTS.search(nodeid.partition("::")[0])
            return "engine" if needs_engine else nodeid

    return OneForTheEngine(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests to `--all`, and put those that must run alone at the end."""
    if os.name == "nt":
        for item in items:
            if "e2e" in item.path.parts:
                item.add_marker(pytest.mark.skip(reason="drives POSIX sessions, signals and FIFOs"))
    if not config.getoption("--all"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: runs with --all"))
    items.sort(key=lambda item: item.get_closest_marker("serial") is not None)


@pytest.fixture(autouse=True)
def _alone_or_together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Under pytest-xdist a `serial` test waits until no other runs, and the others wait for it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    alone = request.node.get_closest_marker("serial") is not None
    mode = portalocker.LockFlags.EXCLUSIVE if alone else portalocker.LockFlags.SHARED
    with open(tmp_path_factory.getbasetemp().parent / "alone.lock", "a") as file:
        portalocker.lock(file, mode)
        yield


@pytest.fixture
def make_project() -> Iterator[MakeProject]:
    """Make projects in short folders of their own; each is brought down, and must leave nothing."""
    made: list[ProjectUnderTest] = []

    def make(folder: str = "p", base: Path | None = None) -> ProjectUnderTest:
        project = ProjectUnderTest(base or short_folder(), folder)
        made.append(project)
        return project

    yield make
    problems: list[str] = []
    for project in made:
        try:
            project.finish()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def project(make_project: MakeProject) -> ProjectUnderTest:
    """One project in a short folder of its own."""
    return make_project()


@pytest.fixture(scope="session")
def container_engine() -> Iterator[RealEngine]:
    """A real Docker engine with a busybox image, shared by all tests of one worker."""
    with real_engine() as engine:
        yield engine
