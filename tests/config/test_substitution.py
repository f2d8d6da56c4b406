"""Variables in values: the forms, where they work, and who wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.config.substitute import Scope, Unset, substitute

from .conftest import Lines, Read
from .test_values import component

BASE = {"A": "1", "EMPTY": "", "HOSTILE": "${A} ${port.http} $$"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${EMPTY}", ""),
        ("${A:-2}", "1"),
        ("${EMPTY:-2}", "2"),
        ("${NO:-2}", "2"),
        ("${NO:-}", ""),
        ("${NO:-${A}}", "1"),
        ("${NO:-${NO:-{x}}}", "{x}"),
        ("${A:?why}", "1"),
        ("$${A}", "${A}"),
        ("$$", "$"),
        ("$$$$", "$$"),
        ("$A $(cmd) $1 $", "$A $(cmd) $1 $"),
        ("${A", "${A"),
        ("${}", "${}"),
        ("${A+x} ${A-x} ${#A} ${A%x}", "${A+x} ${A-x} ${#A} ${A%x}"),
        ("${port.http}", "${port.http}"),
        ("$${port.http}", "$${port.http}"),
        ("${HOSTILE}", "${A} $${port.http} $$"),
    ],
)
def test_the_forms(text: str, value: str) -> None:
    """The four forms are replaced, once; any other `$` is left alone; a value is never substituted again."""
    assert substitute(text, Scope(BASE)) == value


@pytest.mark.parametrize("text", ["${NO}", "${NO:?}", "${EMPTY:?why}", "${NO:-${NO2}}"])
def test_a_variable_without_a_value(text: str) -> None:
    """A variable that is not set and has no default is an error; `:?` also refuses an empty one."""
    with pytest.raises(Unset, match="is not set"):
        substitute(text, Scope(BASE))


def test_defaults_cannot_nest_without_end() -> None:
    """Defaults within defaults are bounded (P20)."""
    with pytest.raises(Unset, match="deep"):
        substitute("${NO:-" * 5000 + "}" * 5000, Scope({}))


@given(st.text(alphabet="${}:-?AN port.x", max_size=60))
def test_substitution_is_total(text: str) -> None:
    """Any text is replaced or refused; without a `$` nothing changes (P20)."""
    try:
        result = substitute(text, Scope(BASE))
    except Unset:
        return
    assert "$" in text or result == text


def test_a_text_full_of_openings_is_read_in_one_pass() -> None:
    """A long text of unclosed `${` costs no more than its length (hours, were it quadratic)."""
    text = "${A:-" * 20_000
    assert substitute(text, Scope(BASE)) == text


PRECEDENCE = """
env_file: project.env
env: {B: project env, C: project env, D: project env}
components:
  a:
    run: b
    env_file: own.env
    env: {D: own env, SEEN: "${A}, ${B}, ${C}, ${D}, ${BASE}"}
    description: "${D}"
"""


def test_who_wins(read: Read) -> None:
    """Own env over own env_file over project env over project env_file over the base environment."""
    files = {
        "project.env": "A=project file\nB=project file\nC=project file\nD=project file\n",
        "own.env": "C=own file\nD=own file\n",
    }
    spec = component(
        read(PRECEDENCE, {"A": "base", "B": "base", "C": "base", "D": "base", "BASE": "base"}, files)
    )
    assert spec.env["SEEN"] == "project file, project env, own file, own env, base"
    assert spec.description == "own env"
    assert spec.env == {
        "A": "project file",
        "B": "project env",
        "C": "own file",
        "D": "own env",
        "SEEN": spec.env["SEEN"],
    }


def test_a_variable_may_extend_the_outer_one(read: Read) -> None:
    """`PATH: ./bin:${PATH}` means the PATH around it, and a later variable sees the new one."""
    text = "components: {a: {run: b, env: {PATH: './bin:${PATH}', SEEN: '${PATH}'}}}"
    assert component(read(text, {"PATH": "/bin"})).env == {"PATH": "./bin:/bin", "SEEN": "./bin:/bin"}


def test_commands_and_probes_belong_to_the_shell(read: Read) -> None:
    """In run, stop.command and probes nothing but ports is replaced."""
    spec = component(
        read(
            """
            components:
              a:
                run: echo ${HOME} $$ "${X:-y}" $(pwd)
                stop: {command: [kill, "${PID}"]}
                probes: {readiness: {exec: [test, -f, "${FILE}"]}, startup: {log: "^\\\\$ready \\\\${x}$"}}
            """
        )
    )
    assert spec.run == 'echo ${HOME} $$ "${X:-y}" $(pwd)'
    assert spec.stop.command == ("kill", "${PID}")
    assert "${FILE}" in str(spec.readiness)


def test_numbers_and_flags_may_come_from_variables(read: Read) -> None:
    """A variable may stand for any value outside of commands and probes."""
    text = (
        "components: {a: {run: b, autostart: '${AUTO}', stop: {timeout: '${T:-3s}'}, ports: {http: '${P}'}}}"
    )
    spec = component(read(text, {"AUTO": "false", "P": "8080"}))
    assert (spec.autostart, spec.stop.timeout, spec.ports[0].port) == (False, 3.0, 8080)


def test_ports_have_no_place_in_other_values(lines: Lines) -> None:
    """A port is not known where a folder is needed, and a message says so; escaped it is text."""
    found = lines("components: {a: {run: b, ports: {http: auto}, description: '${port.http}'}}")
    assert found[0].startswith("roost.yaml:1:60: components.a.description: ports are not known yet")


def test_what_comes_from_outside_is_never_a_port(read: Read) -> None:
    """A value of the environment that looks like a reference to a port stays that text, to the end."""
    from roost.config.ports import resolve

    text = (
        "components: {a: {run: b, ports: {http: 80}, env: {X: '${OUT}'}, env_file: e, description: '${OUT}'}}"
    )
    spec = component(read(text, {"OUT": "${port.http}"}, {"e": "Y=${port.http}\n"}))
    assert spec.description == "${port.http}"
    assert resolve(spec, {"http": 80}, {}).env == {"X": "${port.http}", "Y": "${port.http}"}
