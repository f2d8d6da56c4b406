"""What no method does: read a file outside of the project, or show the environment (§6, P18, P19)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.harness import ProjectUnderTest

SECRET = "hunter2-hunter2"
TRAVERSALS = [
    "../outside",
    "../../etc/passwd",
    "/etc/passwd",
    "logs/../../outside",
    "plain/../../outside",
    "outside\0",
]


@pytest.fixture
def stack(project: ProjectUnderTest) -> ProjectUnderTest:
    """A project beside which lies what is not its own."""
    project.components(plain={"run": ["sleep", "3600"]})
    (project.base / "outside").write_text(f"OUTSIDE={SECRET}\nbroken line\n")
    (project.base / "outside.log").write_text(f"{SECRET}\n")
    (project.base / "outside.idx").write_bytes(b"\0" * 24)
    (project.root / "link").symlink_to(project.base / "outside")
    project.env["INHERITED"] = SECRET
    project.up()
    return project


def ask(project: ProjectUnderTest, method: str, params: dict[str, Any]) -> tuple[int, str]:
    """Exit code and everything that was said."""
    done = project.roost("call", method, json.dumps(params))
    return done.code, done.out + done.err


@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_name_is_no_path(stack: ProjectUnderTest, name: str) -> None:
    """Wherever a component is named, only a component is meant."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("logs.query", {"names": [name]}),
        ("logs.clear", {"names": [name]}),
        ("component.get", {"name": name}),
        ("component.attach", {"name": name}),
        ("component.exec", {"name": name, "command": ["true"]}),
    ]
    for method, params in calls:
        code, said = ask(stack, method, params)
        assert (code, SECRET in said) == (4, False), f"{method}: {said}"
    assert (stack.base / "outside.log").read_text() == f"{SECRET}\n"


@pytest.mark.parametrize("path", ["../outside", "link", "/etc/passwd"])
def test_a_path_stays_inside(stack: ProjectUnderTest, path: str) -> None:
    """`config.check {path}` follows no way out, not even a link's."""
    code, said = ask(stack, "config.check", {"path": path})
    assert code == 2 and "leads out of the project" in said and SECRET not in said


@pytest.mark.parametrize("path", ["../outside", "link", "/etc/passwd"])
def test_a_text_may_not_read_what_its_sender_names(stack: ProjectUnderTest, path: str) -> None:
    """An env file outside is refused as such: not even how many lines it has is told."""
    text, below = (
        f"env_file: [{json.dumps(named)}]\ncomponents: {{a: {{run: x}}}}\n"
        for named in (path, path if path[0] == "/" else f"../{path}")
    )
    stack.file("sub/roost.yaml", below)
    for params in ({"text": text}, {"path": "sub/roost.yaml"}):
        code, said = ask(stack, "config.check", params)
        (problem,) = json.loads(said)["problems"]
        assert code == 0 and "lies outside of the project" in problem["message"], said
    stack.file(".env", "INSIDE=1\n")
    assert json.loads(ask(stack, "config.check", {"text": text.replace(json.dumps(path), ".env")})[1])[
        "valid"
    ]


def test_the_environment_is_in_no_answer(stack: ProjectUnderTest) -> None:
    """P19: a text that refers to it, everywhere where a value could be said to be wrong, gets no value back."""
    value = '"/x/${INHERITED}"'
    keys = ("cwd", "url", "type", "restart", "shell", "description", "group", "schedule")
    for key in keys:
        text = f"components: {{a: {{run: x, {key}: {value}}}}}\n"
        assert SECRET not in ask(stack, "config.check", {"text": text})[1], key
    probes = f"probes: {{readiness: {{http: {value}}}}}, stop: {{signal: {value}}}, depends_on: [{value}]"
    assert SECRET not in ask(stack, "config.check", {"text": f"components: {{a: {{run: x, {probes}}}}}\n"})[1]
    for method in ("project.status", "daemon.status", "daemon.health", "component.list", "rpc.discover"):
        assert SECRET not in ask(stack, method, {})[1], method
