"""A person at a terminal: a tmux pane with a shell in a project's folder."""

from __future__ import annotations

import subprocess
from typing import Any

from e2e.harness import ProjectUnderTest, eventually, need


class Pane:
    """One pane of a tmux server of its own; `with` ends it."""

    def __init__(
        self, project: ProjectUnderTest, name: str = "pane", columns: int = 80, rows: int = 24
    ) -> None:
        self._tmux = need("tmux")
        self._project = project
        self._socket = str(project.base / f"{name}.tmux")
        env = {**project.env, "TERM": "xterm-256color", "ENV": "", "HISTFILE": ""}
        start = ["-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "/bin/sh"]
        subprocess.run([self._tmux, "-S", self._socket, *start], env=env, cwd=project.root, check=True)

    def __enter__(self) -> Pane:
        self.line("echo sh''ell")
        self.see("shell")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([self._tmux, "-S", self._socket, "kill-server"], capture_output=True, check=False)

    def type(self, text: str) -> None:
        """These very characters."""
        self._call("send-keys", "-l", text)

    def keys(self, *names: str) -> None:
        """Keys by tmux's names for them: Enter, C-c, C-]."""
        self._call("send-keys", *names)

    def line(self, text: str) -> None:
        """A line and Enter."""
        self.type(text)
        self.keys("Enter")

    def wipe(self) -> None:
        """Take everything off the screen, so that what is seen afterwards is new."""
        self._call("send-keys", "-R")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self._call("resize-window", "-x", str(columns), "-y", str(rows))

    def shown(self) -> str:
        """What is on the screen now."""
        return self._call("capture-pane", "-p")

    def see(self, text: str, timeout: float = 60.0) -> str:
        """The screen as soon as it shows that."""

        def there() -> str | None:
            shown = self.shown()
            return shown if text in shown else None

        try:
            return str(eventually(there, timeout=timeout, what=f"{text!r} on the screen"))
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe screen:\n{self.shown()}") from None

    def is_alternate(self) -> bool:
        """Whether a program that fills the screen has switched to the other one."""
        return self._call("display-message", "-p", "#{alternate_on}").strip() == "1"

    def _call(self, *arguments: Any) -> str:
        done = subprocess.run(
            [self._tmux, "-S", self._socket, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env=self._project.env,
        )
        return done.stdout
