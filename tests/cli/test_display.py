"""The live display on a terminal, and what a terminal changes."""

from __future__ import annotations

import io
import os
import sys

import pytest

from cli.snapshots import component
from roost.cli import output
from roost.cli.display import Display, LiveDisplay, display, is_down, is_up
from roost.cli.look import look_of


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_goals_are_what_up_and_down_wait_for() -> None:
    """A failed component is not waited for; a component in back-off is."""
    assert is_up(component()) and is_up(component(state="failed")) and is_up(component(state="completed"))
    assert not is_up(component(ready=False)) and not is_up(component(state="backoff"))
    assert is_down(component(state="stopped")) and not is_down(component(state="stopping"))


def test_a_terminal_gets_a_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal every component has its line, and its last state stays on the screen."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with display(is_up) as show:
        assert isinstance(show, LiveDisplay)
        show.progress({"component": component("db", state="starting", ready=False, reason="probing")})
        show.progress({"waiting_for": ["web"]})
        show.update([component("api"), component("db")])
    text = terminal.getvalue()
    assert "api ready" in text and "db ready" in text and "waiting for web" in text


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_color_and_dumb_terminals_get_plain_lines(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR is honoured, by the table as by the display."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv(variable, value)
    assert not output.out_look().color
    assert type(display(is_up)) is Display


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS decides if it is set; what is no terminal has no width."""
    monkeypatch.setenv("COLUMNS", "72")
    assert look_of(Terminal()).width == 72
    assert look_of(io.StringIO()).width is None


def test_a_real_terminal_is_asked_for_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pseudo-terminal of 50 columns gets lines of 50 columns."""
    import fcntl
    import struct
    import termios

    monkeypatch.delenv("COLUMNS", raising=False)
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    with os.fdopen(follower, "w") as stream:
        assert look_of(stream).width == 50
    os.close(leader)


def test_json_is_valid_in_every_encoding() -> None:
    """P16, P20: letters stay in UTF-8, are escaped elsewhere, and half a character never breaks a line."""
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    unicode = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert output.json_text({"ü": 1}, plain) == '{"\\u00fc": 1}'
    assert output.json_text({"ü": 1}, unicode) == '{"ü": 1}'
    assert output.json_text("\udcff", unicode) == '"\\udcff"'
