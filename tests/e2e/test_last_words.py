"""What a component said last before it failed: in `status`, beside `events` and `up`, masked, and after us too."""

from __future__ import annotations

from typing import Any

from e2e.harness import ProjectUnderTest, eventually, program

SECRET = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"
STORY = """
import os, sys
print('x' * 70_000 + '\\n' + ('y' * 60_000 + '\\n') * 18 + os.environ['TLS_KEY'], flush=True)
sys.exit('the very last word')
"""


def said(project: ProjectUnderTest) -> list[str]:
    last_exit: dict[str, Any] | None = project.component("web")["last_exit"]
    return [] if last_exit is None else list(last_exit["last_lines"])


def test_status_has_the_last_lines_of_what_has_failed(project: ProjectUnderTest) -> None:
    """S76, P19: as JSON and as text, however long the lines were; from the next daemon, and without any."""
    project.components(
        web={
            "run": [*program("show")[:1], "-c", STORY],
            "env": {"TLS_KEY": SECRET},
            "restart": "never",
            "log": {"streams": "merged"},
            "probes": {"readiness": {"log": "what nobody writes"}},
        }
    )
    up = project.roost("up", check=1)
    words = ["***"] * 4 + ["the very last word"]
    assert eventually(lambda: said(project), what="last words in status") == words
    assert "    | the very last word\n" in project.roost("status", check=True).out
    assert "    | the very last word\n" in up.err
    (ended,) = [event for event in project.events() if event["kind"] == "exited"]
    assert ended["data"]["last_lines"][-5:] == words
    assert max(map(len, ended["data"]["last_lines"])) <= 2000
    project.roost("daemon", "restart", check=True)
    assert said(project) == words
    project.kill_both()
    assert said(project) == words
    assert "    | the very last word\n" in project.roost("status", check=3).out
    for line in SECRET.splitlines():
        assert line not in up.err + up.out + str(project.events())


def test_the_last_lines_come_to_who_watches(project: ProjectUnderTest) -> None:
    """S76: `status --watch` shows them although they are read only after the end has been told."""
    project.components(
        web={"run": "until test -e go; do sleep 0.05; done; echo gone wrong; exit 1", "restart": "never"}
    )
    project.up()
    watching = project.start_roost("status", "--watch")
    assert watching.stdout is not None
    try:
        assert watching.stdout.readline()
        project.file("go", "")
        eventually(
            lambda: watching.stdout.readline() == b"    | gone wrong\n", what="its last words", every=0
        )
    finally:
        watching.kill()
        watching.communicate()


def test_who_runs_again_has_none(project: ProjectUnderTest) -> None:
    """They are those of what failed, not of what has been put right."""
    project.components(web={"run": "test -e good && exec sleep 3600; echo bad; exit 1", "restart": "never"})
    project.roost("up")
    assert eventually(lambda: said(project)) == ["bad"]
    project.file("good", "")
    project.roost("start", "web", check=True)
    assert said(project) == []
    assert "| bad" not in project.roost("status", check=True).out
