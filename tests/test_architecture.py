"""The rules of the layout (DESIGN.md §4), read from the source: who imports whom, which words are where.

Everything is judged on the syntax tree, so that comments, docstrings and texts never count.
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.harness import ProjectUnderTest

ROOT = Path(__file__).resolve().parent.parent
DAEMON = ROOT / "daemon"
TRAY = ROOT / "tray"
TESTS = ROOT / "tests"

# Who may import whom; a dotted entry allows that module alone.  Every package may import itself.
_BELOW_EDGES = {"api", "config", "records", "core", "keeper.wire", "platform"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "platform": set(),
    "keeper": {"platform"},
    "records": {"core", "platform"},
    "config": {"core"},
    "api": {"core"},
    "edges": {"keeper.logfile", *_BELOW_EDGES},  # one writer of logs: the keeper's, and for containers ours
    "supervise": {"edges", *_BELOW_EDGES},
    "client": {"api", "platform"},
    # config and records answer in core's types; where no daemon comes back, `down` asks the keeper itself
    # config and records answer in core's types; a keeper whose daemon cannot live is ended over its wire
    # and doctor, which needs no daemon, asks the container engine as one would
    "cli": {"client", "config", "records", "platform", "core", "keeper.wire", "edges.engine"},
    "testing": {"client"},
    "roost": {"client"},  # roost/__init__.py: what `import roost` offers
    "tray": {"client", "platform"},
}

# What may be imported beside the standard library, where that is limited.
THIRD_PARTY: dict[str, set[str]] = {
    "core": {"msgspec"},
    "api": {"msgspec"},
    "keeper": set(),
    "platform": set(),
}

PLATFORM_MODULES = {"fcntl", "msvcrt", "ctypes", "_ctypes", "winreg", "_winapi"}
PLATFORM_WORDS = {"sys.platform", "os.name"}

CLOCK_NAMES = {
    *(("time", name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter")),
    *(("time", name) for name in ("perf_counter_ns", "clock_gettime", "clock_gettime_ns", "process_time")),
    *(("datetime", name) for name in ("now", "utcnow", "today")),
    ("date", "today"),
}
CLOCK_PLACES = ("edges/clock.py", "keeper/", "client/", "cli/")
# Here the monotonic clock may bound a wait on the system; nothing is decided by it.
DEADLINE_PLACES = ("platform/", "supervise/__main__.py")

HEAVY_FOR_KEEPER = {"asyncio", "subprocess", "dataclasses", "typing", "inspect", "logging", "email", "http"}
HEAVY_FOR_DAEMON = {
    "_ssl",
    "_ctypes",
    "lzma",
    "urllib.parse",
    "psutil",
    "grpc",
    "docker",
    "requests",
    "rich",
    "click",
}
HEAVY_FOR_STATUS = {"click", "msgspec", "rich", "platformdirs", "importlib.metadata", "psutil", "yaml"}

# Tests without real processes; in the others a helper waits, within bounds, for a condition.
PURE_TESTS = {"core", "config", "api", "records", "supervise", "client"}


@dataclass(frozen=True)
class Source:
    """One module of ours, parsed."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> tuple[str, ...]:
        """The dotted name in parts; a package's own file has the package's name."""
        base = DAEMON if DAEMON in self.path.parents else TRAY
        parts = self.path.relative_to(base).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def package(self) -> str:
        """Which row of MAY_IMPORT it falls under."""
        if self.module[0] == "roost_tray":
            return "tray"
        return self.module[1] if len(self.module) > 1 else "roost"

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    def imports(self) -> Iterator[tuple[int, str]]:
        """(line, full dotted name) of everything that it imports; `from a import b` yields `a.b`."""
        is_package = self.path.name == "__init__.py"
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    kept = len(self.module) - node.level + (1 if is_package else 0)
                    base = ".".join([*self.module[:kept], *filter(None, [base])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def attributes(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """(line, (owner, name)) of every `owner.name`, and of every `from owner import name`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                owner = node.value
                if isinstance(owner, ast.Name):
                    yield node.lineno, (owner.id, node.attr)
                elif isinstance(owner, ast.Attribute):  # datetime.datetime.now
                    yield node.lineno, (owner.attr, node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((node.lineno, (node.module, alias.name)) for alias in node.names)


def _sources() -> list[Source]:
    folders = [DAEMON / "roost", TRAY / "roost_tray"]
    found = (path for folder in folders for path in folder.rglob("*.py"))
    return [Source(path) for path in sorted(found) if "demo_files" not in path.parts]


SOURCES = _sources()
every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


def _fail_with(findings: list[str]) -> None:
    assert not findings, "\n" + "\n".join(findings)


def _is_allowed(dotted: str, allowed: set[str]) -> bool:
    """Whether `a.b.c` (below roost) is one of the allowed packages or modules, or inside one."""
    return any(dotted == entry or dotted.startswith(entry + ".") for entry in allowed)


@every_source
def test_imports_go_one_way(source: Source) -> None:
    """No module imports a package of ours that DESIGN.md §4 does not put below its own."""
    assert source.package in MAY_IMPORT, f"{source.name}: a package that DESIGN.md §4 does not know"
    allowed = MAY_IMPORT[source.package] | {source.package}
    findings = []
    for line, name in source.imports():
        top, *rest = name.split(".")
        crosses_to_tray = top == "roost_tray" and source.package != "tray"
        is_of_a_package = top == "roost" and bool(rest) and (DAEMON / "roost" / rest[0]).is_dir()
        if crosses_to_tray or (is_of_a_package and not _is_allowed(".".join(rest), allowed)):
            findings.append(f"{source.name}:{line}: {source.package} must not import {name}")
    _fail_with(findings)


@pytest.mark.parametrize("package", sorted(THIRD_PARTY))
def test_small_packages_stay_small(package: str) -> None:
    """core and api need the standard library and msgspec alone; keeper and platform the standard library."""
    allowed = {*sys.stdlib_module_names, "roost", *THIRD_PARTY[package]}
    _fail_with(
        [
            f"{source.name}:{line}: {package} must not import {name}"
            for source in SOURCES
            if source.package == package
            for line, name in source.imports()
            if name.split(".")[0] not in allowed and name.split(".")[0] not in PLATFORM_MODULES
        ]
    )


# What draws, or speaks to a desktop: each is large, or opens a display when it is imported.
TOOLKITS = {"pystray", "PIL", "gi", "Xlib", "dbus_fast", "desktop_notifier", "objc", "AppKit"}
# The tray without its surroundings: a pure function of what is known, and the thread that knows it.
WITHOUT_TOOLKITS = (
    "__main__ actions backend brain commands conductor labels link menu model presenter summary"
)


def test_the_tray_thinks_without_a_toolkit() -> None:
    """Neither the menu nor the brain imports what an icon needs; a backend does, when it is chosen."""
    modules = ", ".join(f"roost_tray.{name}" for name in WITHOUT_TOOLKITS.split())
    script = f"import sys; sys.path[:0] = {[str(DAEMON), str(TRAY)]!r}; import {modules}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert not {name.split(".")[0] for name in run.stdout.split()} & TOOLKITS


def test_only_the_tray_knows_the_toolkits() -> None:
    """No other package imports one, so that neither daemon nor command ever loads it."""
    _fail_with(
        [
            f"{source.name}:{line}: {source.package} must not import {name}"
            for source in SOURCES
            if source.package != "tray"
            for line, name in source.imports()
            if name.split(".")[0] in TOOLKITS
        ]
    )


@every_source
def test_platform_words_live_in_platform(source: Source) -> None:
    """sys.platform, os.name, fcntl, msvcrt and ctypes appear in platform/ and nowhere else."""
    if source.package == "platform":
        return
    words = [(line, f"{owner}.{name}") for line, (owner, name) in source.attributes()]
    words = [(line, word) for line, word in words if word in PLATFORM_WORDS]
    words += [(line, name) for line, name in source.imports() if name.split(".")[0] in PLATFORM_MODULES]
    _fail_with([f"{source.name}:{line}: {word}" for line, word in words])


@every_source
def test_clocks_are_read_at_the_edge(source: Source) -> None:
    """Only edges/clock.py, the keeper, the client and the command read a clock; others are told the time."""
    place = source.path.relative_to(ROOT).as_posix().partition("roost/")[2]
    if source.package == "tray" or place.startswith(CLOCK_PLACES):
        return
    forbidden = CLOCK_NAMES - ({("time", "monotonic")} if place.startswith(DEADLINE_PLACES) else set())
    reads = [(line, word) for line, word in source.attributes() if word in forbidden]
    _fail_with([f"{source.name}:{line}: {owner}.{name}" for line, (owner, name) in reads])


@every_source
def test_a_module_says_what_it_is(source: Source) -> None:
    """Every module with a line of code begins with a docstring."""
    if source.tree.body:
        assert ast.get_docstring(source.tree), f"{source.name} does not say what it is"


def _test_files() -> list[Path]:
    return sorted(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("path", _test_files(), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_every_test_states_a_behaviour(path: Path) -> None:
    """Every test has a docstring: the sentence that it proves."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    _fail_with(
        [
            f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
            for node in functions
            if node.name.startswith("test_") and not ast.get_docstring(node)
        ]
    )


@pytest.mark.parametrize("path", _test_files(), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_unit_tests_never_sleep(path: Path) -> None:
    """Where no real process is at hand no test sleeps: it waits on a condition, or on a clock that jumps."""
    if path.relative_to(TESTS).parts[0] not in PURE_TESTS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = [func.lineno for func in calls if ast.unparse(func) == "time.sleep"]
    assert not found, f"{path.relative_to(ROOT)}: time.sleep in line {found}"


# -- what a process really loads ----------------------------------------------------------------------


def _loaded_by(statement: str) -> set[str]:
    """The modules that a bare interpreter has loaded after `statement`, beyond those that it always loads."""
    script = f"import sys; sys.path.insert(0, {str(DAEMON)!r}); before = set(sys.modules); {statement}"
    script += "; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def _heavy_in(loaded: set[str], heavy: set[str]) -> set[str]:
    return {name for name in loaded if name in heavy or name.split(".")[0] in heavy}


@pytest.mark.skipif(os.name == "nt", reason="the POSIX keeper")
def test_the_keeper_loads_little() -> None:
    """The keeper, which must outlive everything, loads the standard library alone and nothing heavy of it."""
    loaded = _loaded_by("import roost.keeper.main")
    assert not _heavy_in(loaded, HEAVY_FOR_KEEPER)
    strangers = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"roost"}
    assert not strangers


def _imported_by_status(project: ProjectUnderTest, code: int) -> set[str]:
    done = project.roost("status", env={"PYTHONPROFILEIMPORTTIME": "1"}, check=code)
    return _imports_in(done.err)


def _imports_in(listing: str) -> set[str]:
    lines = (line for line in listing.splitlines() if line.startswith("import time:"))
    names = {line.rpartition("|")[2].strip() for line in lines}
    assert "roost" in names, "the interpreter did not list its imports"
    return names


@pytest.mark.skipif(os.name == "nt", reason="brings up a daemon through the POSIX keeper")
def test_the_daemon_loads_little(project: ProjectUnderTest) -> None:
    """P25: a usual project has nothing loaded that it does not need."""
    project.components(one={"run": ["sleep", "60"], "probes": {"liveness": {"exec": ["true"]}}})
    project.roost("up", env={"PYTHONPROFILEIMPORTTIME": "1"}, check=True)
    loaded = _imports_in((project.state / "daemon.log").read_text(encoding="utf-8"))
    assert "roost.edges.probes.command" in loaded
    assert not _heavy_in(loaded, HEAVY_FOR_DAEMON)


def test_status_loads_little_without_a_daemon(project: ProjectUnderTest) -> None:
    """`roost status` (P23, D14) reads the files with the records' own types, and without click or rich."""
    project.components(one={"run": ["sleep", "60"]})
    assert not _heavy_in(_imported_by_status(project, code=3), HEAVY_FOR_STATUS - {"msgspec", "yaml"})


@pytest.mark.skipif(os.name == "nt", reason="brings up a daemon through the POSIX keeper")
def test_status_loads_little_with_a_daemon(project: ProjectUnderTest) -> None:
    """`roost status` (P23, D14) asks the daemon with json and socket alone."""
    project.components(one={"run": ["sleep", "60"]})
    project.up()
    assert not _heavy_in(_imported_by_status(project, code=0), HEAVY_FOR_STATUS)


@pytest.mark.skipif(os.name == "nt", reason="the POSIX keeper")
def test_a_daemon_without_containers_loads_nothing_of_them() -> None:
    """P25: neither the engine's library nor our own part for it, until a component has an image."""
    loaded = _loaded_by("import site; site.main(); import roost.supervise.daemon, roost.supervise.handlers")
    assert "roost.supervise.contained" in loaded
    found = {
        name for name in loaded if name.startswith(("roost.edges.engine", "roost.supervise.containers."))
    }
    assert not found and not _heavy_in(loaded, {"docker", "requests", "urllib3"})
