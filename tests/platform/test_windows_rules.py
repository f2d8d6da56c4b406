"""The rules of Windows that are pure, so that they can be judged on every system."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.platform import paths, programs, quoting, signals

_ARGUMENTS = st.lists(st.text(alphabet="ab \\\"\t'%&", max_size=12), min_size=1, max_size=5)


def taken_apart(line: str) -> list[str]:
    """A command line as Microsoft's C runtime takes it apart, by the rules of its documentation."""
    found: list[str] = []
    current, inside, begun, backslashes = "", False, False, 0
    for character in line + "\0":
        if character == "\\":
            backslashes += 1
            begun = True
            continue
        if character == '"':
            current += "\\" * (backslashes // 2)
            if backslashes % 2:
                current += '"'
            else:
                inside = not inside
            backslashes, begun = 0, True
            continue
        current += "\\" * backslashes
        backslashes = 0
        if character == "\0" or (character in " \t" and not inside):
            if begun:
                found.append(current)
            current, begun = "", False
        else:
            current += character
            begun = True
    return found


@given(_ARGUMENTS)
def test_arguments_are_quoted_so_that_they_arrive(arguments: list[str]) -> None:
    """Whatever is in an argument, the C runtime at the other end makes the same of it again."""
    assert taken_apart(quoting.command_line(["program", *arguments])) == ["program", *arguments]


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["a.exe", "b c"], 'a.exe "b c"'),
        (["cmd.exe", "/d", "/s", "/c", 'echo "x y" & dir'], 'cmd.exe /d /s /c "echo "x y" & dir"'),
        (["C:\\Windows\\CMD.EXE", "/C", "echo hi"], 'C:\\Windows\\CMD.EXE /C "echo hi"'),
        (["notcmd.exe", "/c", "a b"], 'notcmd.exe /c "a b"'),
    ],
)
def test_what_cmd_is_told_is_left_as_it_is(argv: list[str], line: str) -> None:
    """What follows cmd.exe's /c is in its own language, which knows no backslash before a quote."""
    assert quoting.command_line(argv) == line


def test_a_batch_file_is_run_by_the_shell() -> None:
    """A batch file with a space in its name and in an argument reaches cmd.exe in one pair of quotes."""
    line = quoting.batch_command_line("cmd.exe", "C:\\my tools\\npm.cmd", ["run", "a b"])
    assert line == 'cmd.exe /d /s /c ""C:\\my tools\\npm.cmd" run "a b""'


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("npm", ["C:\\node\\npm.EXE", "C:\\node\\npm.CMD", "D:\\p\\bin\\npm.EXE", "D:\\p\\bin\\npm.CMD"]),
        ("npm.cmd", ["C:\\node\\npm.cmd", "D:\\p\\bin\\npm.cmd"]),
        (".\\tool", ["D:\\p\\.\\tool.EXE", "D:\\p\\.\\tool.CMD"]),
        ("E:\\x\\y.exe", ["E:\\x\\y.exe"]),
        (
            "python3.11",
            [f"{place}\\python3.11{end}" for place in ("C:\\node", "D:\\p\\bin") for end in (".EXE", ".CMD")],
        ),
    ],
)
def test_a_program_is_looked_for_with_every_ending(name: str, found: list[str]) -> None:
    """PATH and PATHEXT are gone through as a shell does, relative entries from the component's folder."""
    assert quoting.program_candidates(name, '"C:\\node";bin;', ".EXE;.CMD", "D:\\p") == found


def test_signal_names_read_both_ways() -> None:
    """TERM, INT, HUP and KILL have a number everywhere, and the number its name again."""
    for name in ("TERM", "INT", "HUP", "KILL"):
        number = signals.signal_number(f"SIG{name}")
        assert signals.signal_name(number) == name
    assert signals.signal_number("kill") == signals.KILL == 9


def test_endpoints_on_windows_are_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows daemon and keeper are met at pipes that are named after the project's hash."""
    monkeypatch.setattr(sys, "platform", "win32")
    project = paths.ProjectPaths("r", "s", "/any/0123456789abcdef")
    assert project.endpoint == "pipe:\\\\.\\pipe\\roost-0123456789abcdef"
    assert project.keeper_endpoint == "pipe:\\\\.\\pipe\\roost-keeper-0123456789abcdef"


def test_the_run_folder_on_windows_is_local_application_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the second locks are in LOCALAPPDATA, however long its path is."""
    monkeypatch.setattr(sys, "platform", "win32")
    base = "/" + "x" * 150
    assert paths.run_base({"LOCALAPPDATA": base}) == f"{base}/roost/run"
    assert paths.project_paths("/", {"LOCALAPPDATA": base}).run.startswith(f"{base}/roost/run/")


def test_the_shell_on_windows_is_cmd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command given as one string goes to the COMSPEC, without the user's AutoRun."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("COMSPEC", "C:\\cmd.exe")
    assert programs.default_shell() == ("C:\\cmd.exe", "/d", "/s", "/c")


def calls_of(name: str) -> list[tuple[str, ast.Call]]:
    """Every call of a function of that name in our programs, with the file that it is in."""
    root = Path(paths.__file__).parent.parent
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                found.append((path.name, node))
    return found


def test_no_pipe_of_ours_is_open_to_others() -> None:
    """Each is made by us, refuses other machines, and gives our user alone the right to open it (S36, P18)."""
    made = calls_of("CreateNamedPipe")
    assert {name for name, _ in made} == {"endpoint_windows.py", "pipes_windows.py"}
    for _, call in made:
        assert ast.unparse(call.args[2]) == "_BYTES_LOCAL_ONLY"
        assert ast.unparse(call.args[-1]) == "ours_alone()"
    assert not calls_of("start_serving_pipe")
