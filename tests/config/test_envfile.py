"""Env files: their syntax, and faults at their own lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.config import envfile

from .conftest import Lines, Read
from .test_values import component


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# c\n\n   \n", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("export A=1\n", {"A": "1"}),
        ("A=\nB= \n", {"A": "", "B": ""}),
        ("A = b c \n", {"A": "b c"}),
        ("A=b # c\n", {"A": "b"}),
        ("A=b#c\nB=#fff\n", {"A": "b#c", "B": "#fff"}),
        ("A= # c\n", {"A": ""}),
        ("A='b # $x \\n'  # c\n", {"A": "b # $x \\n"}),
        ('A="b\\n\\"c\\" \\$x \\q"\n', {"A": 'b\n"c" $x q'}),
        ('A="two\nlines"\nB=1\n', {"A": "two\nlines", "B": "1"}),
        ("A=it's\n", {"A": "it's"}),
        ("A=x=y\n", {"A": "x=y"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=pa$$word${X}\n", {"A": "pa$$word${X}"}),
        ("a.b-c=1\n", {"a.b-c": "1"}),
    ],
)
def test_the_syntax(text: str, values: dict[str, str]) -> None:
    """An env file is read as people write them; nothing in it is substituted."""
    assert envfile.parse(text) == (values, [])


def test_each_fault_has_its_line() -> None:
    """A fault does not hide those after it, and lines within quotes are counted."""
    values, faults = envfile.parse('A="x\ny"\nrubbish\nB="c" d\n=e\nF=1\nG="never\nH=2\n')
    assert values == {"A": "x\ny", "F": "1", "H": "2"}
    assert [(fault.line, fault.column, fault.name) for fault in faults] == [
        (3, 1, "assignment"),
        (4, 6, "B"),
        (5, 1, "assignment"),
        (7, 3, "G"),
    ]


@given(st.text(alphabet="AB= \t#'\"\\\n\rexport$\0", max_size=80))
def test_reading_is_total(text: str) -> None:
    """Any text gives variables and faults, whose lines are within the text (P20)."""
    values, faults = envfile.parse(text)
    assert all("\0" not in name + value for name, value in values.items())
    assert all(1 <= fault.line <= text.count("\n") + 1 and fault.column >= 1 for fault in faults)


def test_faults_are_reported_in_the_env_file(lines: Lines) -> None:
    """A problem in an env file names that file and its line, after the problems of roost.yaml."""
    found = lines("env_file: .env\ncomponents: {a: {rn: b}}\n", files={".env": "A=1\noops\n"})
    assert (
        found[-1] == ".env:2:1: assignment: this is not NAME=value (write NAME=value, or # before a comment)"
    )
    assert all(line.startswith("roost.yaml:") for line in found[:-1])


def test_a_missing_optional_file_is_empty(read: Read) -> None:
    """`{path: .env, optional: true}` is no error when there is no such file."""
    text = "components: {a: {run: b, env_file: [{path: .env, optional: true}, there.env]}}"
    assert component(read(text, files={"there.env": "A=1"})).env == {"A": "1"}


@pytest.mark.parametrize("content", [b"A=\xff\n", b"\x00" * 10])
def test_a_file_that_is_no_text(read: Read, tmp_path: object, content: bytes) -> None:
    """An env file with rubbish in it is an error, and its bytes are in no message (P20)."""
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    (tmp_path / "bad.env").write_bytes(content)
    loaded = read("components: {a: {run: b, env_file: bad.env}}")
    assert loaded.project is None
    assert all("bad.env:1:" in problem.render() for problem in loaded.errors)


def test_a_folder_or_pipe_is_refused_at_once(read: Read, tmp_path: object) -> None:
    """Only a regular file is opened: a FIFO would wait for ever (P20)."""
    import os
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    (tmp_path / "folder").mkdir()
    names = ["folder"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        names.append("pipe")
    loaded = read(f"components: {{a: {{run: b, env_file: [{', '.join(names)}]}}}}")
    assert len(loaded.errors) == len(names)
