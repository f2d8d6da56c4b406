"""The fixtures of the tests in a desktop session; they are Linux's affair."""

from __future__ import annotations

import sys

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
else:
    from collections.abc import Iterator

    import pytest

    from e2e.harness import ProjectUnderTest
    from panel.rig import MakeSession, TraySession
    from panel.session import DesktopSession, end

    @pytest.fixture
    def make_session(project: ProjectUnderTest) -> Iterator[MakeSession]:
        """Makes a session for the project; `panel=False` leaves the panel out, `bus=False` …"""
        made: list[TraySession] = []

        def make(
            *, panel: bool = True, screen: bool = True, bus: bool = True, notifications: bool = True
        ) -> TraySession:
            desktop = DesktopSession(project.home, screen=screen, bus=bus, notifications=notifications)
            made.append(TraySession(project, desktop))
            if panel:
                desktop.start_panel()
            return made[-1]

        yield make
        for one in made:
            if one.process is not None:
                end(one.process)
            one.desktop.close()

    @pytest.fixture
    def session(make_session: MakeSession) -> TraySession:
        """A session with everything."""
        return make_session()
