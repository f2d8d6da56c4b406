"""`roost logs -f --grep` with a pattern that would take for ever on a line that comes."""

from __future__ import annotations

import pytest

import roost
from e2e.harness import PATIENCE, ProjectUnderTest

ENDLESS = "(a+)+$"
LATE = "until test -e go; do sleep 0.05; done; echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"


def test_following_with_an_endless_pattern_ends_with_a_word(project: ProjectUnderTest) -> None:
    """P12, P20: the daemon gives the search up and says so to its client, which says so to its caller: exit 5."""
    project.components(web={"run": f"echo begun; {LATE}; exec sleep 3600"})
    project.up()
    child = project.start_roost("logs", "-f", "--grep", f"begun|{ENDLESS}")
    assert child.stdout is not None
    assert child.stdout.readline().endswith(b"| begun\n")
    with roost.Client(project.root) as client:
        with client.logs_stream("web", lines=0, grep=ENDLESS) as stream:
            project.file("go", "")
            with pytest.raises(roost.Timeout, match="simpler"):
                next(stream)
        with pytest.raises(roost.Timeout, match="simpler"):
            client.logs_stream("web", grep=ENDLESS)
    out, err = child.communicate(timeout=PATIENCE)
    assert (child.returncode, out) == (5, b"")
    assert b"took longer than 5 s and was given up: make the pattern simpler" in err
    assert project.roost("daemon", "health", "--json", check=True).json["errors_last_hour"] == 0
