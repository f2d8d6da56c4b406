"""Whatever the file holds, reading it ends soon, with a project or with errors (P20)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roost import config
from roost.config.component import COMPONENT
from roost.config.loading import Loaded

from .conftest import Read, tables


def sound(loaded: Loaded) -> None:
    """What must hold of every reading: a project or an error, positions in order, one line each."""
    assert (loaded.project is None) == bool(loaded.errors)
    for problem in loaded.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message
        assert problem.hint
        assert problem.render().isprintable()
    places = [(p.line, p.column) for p in loaded.problems if p.file == "roost.yaml"]
    assert places == sorted(places)


KEYS = [key for table in tables() for key in table.keys]
WORDS = [*KEYS, "a", "b", "x-a", "<<", "~", "", "A B", "con", "api-1", "1", "0", "-1", "70000", "5s", "10MB"]
WORDS += ["true", "no", "auto", "always", "${A}", "${B:-c}", "$$"]
WORDS += [
    "${port.http}",
    "${port.b.http}",
    "80:80",
    "localhost:80",
    "http://localhost:80",
    "* * * * *",
    "(",
    ".env",
]
SCALARS = (
    st.sampled_from(WORDS) | st.text(max_size=8) | st.none() | st.booleans() | st.integers() | st.floats()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=40,
)
COMPONENTS = st.dictionaries(
    st.sampled_from(["a", "b", "api", "w-1", "w"]),
    st.dictionaries(st.sampled_from(list(COMPONENT.keys)), TREES, max_size=6),
    min_size=1,
    max_size=4,
)
PROJECTS = st.fixed_dictionaries(
    {"components": COMPONENTS},
    optional={
        "defaults": st.dictionaries(st.sampled_from(list(COMPONENT.keys)), TREES, max_size=4),
        "env": TREES,
    },
)


@given(st.text(alphabet="abc:-[]{}#&*!|>'\"%@`<~?, \t\n\\${}", max_size=60) | st.text(max_size=60))
def test_any_text_gives_a_project_or_errors(text: str) -> None:
    """Text that may or may not be YAML never raises."""
    sound(config.load("roost.yaml", {}, text=text))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES | PROJECTS)
def test_any_tree_gives_a_project_or_errors(tree: object) -> None:
    """Any YAML, and maps with our keys and wild values in particular, never raises."""
    text = yaml.safe_dump(tree, allow_unicode=True)
    sound(config.load("roost.yaml", {"A": "1"}, text=text))


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_project_or_errors(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A file of any bytes never raises."""
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    loaded = config.load(str(path), {})
    assert (loaded.project is None) == bool(loaded.errors)


LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
)
BOMBS = {
    "billion laughs": LAUGHS,
    "merged laughs": "\n".join(
        ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    ),
    "contains itself": "a: &a [*a]",
    "map contains itself": "a: &a {b: *a}",
    "merges itself": "a: &a {<<: *a}",
    "deep lists": "a: " + "[" * 100_000,
    "deep blocks": "".join(" " * n + "a:\n" for n in range(200)),
    "deep closed": "[" * 3000 + "]" * 3000,
    "many keys": "components: {" + ", ".join(f"k{n}: 1" for n in range(20_000)) + "}",
    "one long key": "a" * 1_000_000 + ": 1",
    "one long value": "components: {a: {run: " + "x" * 1_000_000 + "}}",
    "huge number": "components: {a: {run: x, log: {max_files: " + "9" * 100_000 + "}}}",
    "huge unicode": "\U0001f980" * 100_000,
    "many unknown dependencies": "components: {a: {run: x, depends_on: ["
    + ", ".join(f"d{n}" for n in range(300))
    + "]}}",
    "many unknown keys": "components: {a: {" + ", ".join(f"k{n}: 1" for n in range(20_000)) + "}}",
    "many unknown names": "components: {"
    + ", ".join(f"c{n}: {{run: x, depends_on: [d{n}]}}" for n in range(1000))
    + "}",
    "undefined alias": "a: *nope",
    "too large": "#" * (9 * 1024 * 1024),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_soon(text: str) -> None:
    """Aliases, depth and size are bounded: each such file is an error, within seconds."""
    begin = time.process_time()
    loaded = config.load("roost.yaml", {}, text=text)
    sound(loaded)
    assert loaded.project is None
    assert time.process_time() - begin < 20


def test_a_long_chain_of_dependencies_is_no_recursion(read: Read) -> None:
    """A thousand components in a row are read, and the same as a circle is one error (P26)."""
    count = min(sys.getrecursionlimit() * 2, 1000)
    chain = "".join(f"  c{n}: {{run: x, depends_on: [c{n + 1}]}}\n" for n in range(count - 1))
    assert read(f"components:\n{chain}  c{count - 1}: {{run: x}}\n").project is not None
    circle = read(f"components:\n{chain}  c{count - 1}: {{run: x, depends_on: [c0]}}\n")
    assert len(circle.errors) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "it does not exist"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.write_bytes(b"a: \xff\n"), "the byte 0xff is not UTF-8"),
        (lambda path: path.write_bytes("a: 1".encode("utf-16")), "is not UTF-8"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, make: object, message: str) -> None:
    """A missing or unreadable file is a problem like others, at a position."""
    path = tmp_path / "roost.yaml"
    make(path)  # type: ignore[operator]
    loaded = config.load(str(path), {})
    assert loaded.project is None
    assert [message in problem.message for problem in loaded.problems] == [True]


@pytest.mark.parametrize("path", ["", "\0", "a\0b/roost.yaml", "/", "x" * 5000])
def test_a_path_that_is_none(path: str) -> None:
    """A path that no system accepts is an error, not an exception."""
    assert config.load(path, {}).project is None
    assert config.hash_of(path) is None


def test_exotic_paths(tmp_path: Path) -> None:
    """A project's path may hold blanks, colons, quotes and letters of any script."""
    folder = tmp_path / "a b:c 'é' 🦀"
    folder.mkdir()
    (folder / "roost.yaml").write_text("components: {a: {run: x, cwd: .}}", encoding="utf-8")
    loaded = config.load(str(folder / "roost.yaml"), {})
    assert loaded.project is not None
    assert loaded.project.components["a"].cwd == str(folder)
    assert loaded.project.name == "a-b-c"
