"""Keys that the system at hand cannot obey."""

from __future__ import annotations

from pathlib import Path

import pytest

from roost.cli import checking
from roost.config import lacking
from roost.platform import abilities

from .conftest import Lines, tables

SPEAKS = """
components:
  api:
    run: serve
    probes:
      startup: {notify: true}
      liveness: {tcp: 80}
"""


def test_notify_is_an_error_where_there_is_no_sd_notify(lines: Lines) -> None:
    """On Windows a component could say nothing: refused at its place, with what to use instead (S68)."""
    assert lines(SPEAKS, lacks=abilities.lacking("win32")) == [
        "roost.yaml:6:17: components.api.probes.startup.notify: this system has no sd_notify sockets, "
        "so the component could say nothing (use tcp, http, grpc, exec or log)"
    ]


def test_a_terminal_is_an_error_where_there_is_none(lines: Lines) -> None:
    """`tty: true` on Windows: refused at its place; `false` asks for nothing (INTERFACES.md §3)."""
    text = "components:\n  api: {run: serve, tty: true}\n  db: {run: serve, tty: false}\n"
    assert lines(text, lacks=abilities.lacking("win32")) == [
        "roost.yaml:2:21: components.api.tty: components get no terminal on this system "
        "(remove it, or run the project in WSL)"
    ]
    assert lines(text, lacks=abilities.lacking("darwin")) == []


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_notify_is_accepted_where_there_are_sockets_for_it(lines: Lines, system: str) -> None:
    """The same file is valid on the other systems."""
    assert lines(SPEAKS, lacks=abilities.lacking(system)) == []


def test_the_command_asks_what_this_system_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`roost check` and `up` judge by the system that they run on."""
    path = tmp_path / "roost.yaml"
    path.write_text(SPEAKS)
    monkeypatch.setattr(checking, "lacking", lambda: abilities.lacking("win32"))
    assert [problem.path for problem in checking.read(str(path)).errors] == [
        "components.api.probes.startup.notify"
    ]


def test_every_key_that_a_system_may_lack_is_a_key() -> None:
    """The table names maps and keys that there are, and abilities that some system lacks."""
    known = {(table.name, key) for table in tables() for key in table.keys}
    assert set(lacking.TABLE) <= known
    assert {lack.ability for lack in lacking.TABLE.values()} == abilities.lacking("win32")
