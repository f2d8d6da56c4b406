"""How single values are read: units, numbers, text as written, YAML's traps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.config.durations import parse_duration, parse_size
from roost.config.loading import Loaded
from roost.core.model import LogPolicy, Policy, Spec

from .conftest import Read


def component(loaded: Loaded, name: str = "a") -> Spec:
    """The component of that name; fails with the problems if there is none."""
    assert loaded.project is not None, [problem.render() for problem in loaded.problems]
    return loaded.project.components[name]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("1.5m", 90.0),
        ("3", 3.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-1s", None),
        ("1 s", None),
        ("s", None),
        ("1d", None),
        ("1e3", None),
        ("10s\n", None),
        ("9" * 400, None),
        ("٣s", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    """A duration is a number with ms, s, m or h, or a bare number of seconds; nothing else is."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512KB", 512 * 1024),
        ("10MB", 10 * 1024**2),
        ("2GB", 2 * 1024**3),
        ("1.5kb", 1536),
        ("1 TB", 1024**4),
        ("7B", 7),
        ("100", 100),
        ("10MiB", None),
        ("KB", None),
        ("-1", None),
        ("1K", None),
        ("9" * 400, None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    """A size is a number with KB, MB, GB or TB (powers of 1024), or a bare number of bytes."""
    assert parse_size(text) == size


@given(st.text(max_size=40))
def test_units_never_raise(text: str) -> None:
    """Whatever is written where a unit belongs, reading it gives a number or None (P20)."""
    assert parse_duration(text) is None or parse_duration(text) >= 0  # type: ignore[operator]
    assert parse_size(text) is None or parse_size(text) >= 0  # type: ignore[operator]


def test_variables_keep_the_text_of_the_file(read: Read) -> None:
    """YAML 1.1's octal, sexagesimal, boolean and float readings never change a variable or an argument."""
    loaded = read(
        """
        components:
          a:
            run: [sleep, 1.10, 0777, yes, 22:22, 1_000, 2024-01-01]
            env: {PORT: 8080, ON: on, NO: no, F: true, OCTAL: 0777, TIME: 22:22, FLOAT: 1.10, E: 1e3, Z: ""}
        """
    )
    spec = component(loaded)
    assert spec.run == ("sleep", "1.10", "0777", "yes", "22:22", "1_000", "2024-01-01")
    assert spec.env == {
        "PORT": "8080",
        "ON": "on",
        "NO": "no",
        "F": "true",
        "OCTAL": "0777",
        "TIME": "22:22",
        "FLOAT": "1.10",
        "E": "1e3",
        "Z": "",
    }


def test_ports_are_not_times(read: Read) -> None:
    """`5432:5432` without quotes is a number in base sixty for YAML 1.1, and a pair of ports here."""
    loaded = read("components: {a: {run: b, ports: [22:22]}}")
    assert "HOST:CONTAINER means nothing for a process" in loaded.problems[0].render()


@pytest.mark.parametrize("text", ["yes", "Yes", "true", "TRUE", "on"])
def test_flags_take_every_spelling_of_yaml(read: Read, text: str) -> None:
    """A flag may be written as YAML 1.1 or 1.2 has it."""
    assert component(read(f"components: {{a: {{run: b, autostart: {text}}}}}")).autostart is True


@pytest.mark.parametrize(
    "text", ["3.0", "0x3", "03", "'3'", "three", "1_0", "99999999999999999999", "-1", ".inf"]
)
def test_whole_numbers_are_decimal(read: Read, text: str) -> None:
    """A whole number is written in decimal, without quotes, and within its bounds."""
    loaded = read(f"components: {{a: {{run: b, log: {{max_files: {text}}}}}}}")
    assert [problem.path for problem in loaded.problems] == ["components.a.log.max_files"]


def test_restart_is_a_policy_or_a_map(read: Read) -> None:
    """`restart: on-failure` says the same as the map with that policy."""
    short = component(read("components: {a: {run: b, restart: on-failure}}"))
    long = component(read("components: {a: {run: b, restart: {policy: on-failure}}}"))
    assert short.restart == long.restart
    assert short.restart.policy is Policy.ON_FAILURE


def test_policy_depends_on_the_type(read: Read) -> None:
    """Without a policy a service is always restarted and a task never, also when only a limit is given."""
    loaded = read(
        "components: {a: {run: b, restart: {}}, t: {run: b, type: task, restart: {limit: {max: 3}}}}"
    )
    assert component(loaded).restart.policy is Policy.ALWAYS
    assert component(loaded, "t").restart.policy is Policy.NEVER
    assert component(loaded, "t").restart.limit.max == 3


def test_defaults_of_the_contract(read: Read) -> None:
    """A component that says nothing has the defaults of INTERFACES.md §3."""
    spec = component(read("components: {a: {run: b}}"))
    assert (spec.restart.backoff.initial, spec.restart.backoff.factor, spec.restart.backoff.max) == (1, 2, 60)
    assert (spec.restart.limit.max, spec.restart.limit.within, spec.restart.min_uptime) == (10, 600, 10)
    assert spec.restart.success_exit_codes == (0,)
    assert (spec.stop.signal, spec.stop.timeout) == ("TERM", 10)
    assert spec.log == LogPolicy(max_size=10 * 1024**2, max_files=5)
    assert (spec.tty, spec.autostart, spec.depends_on) == (False, True, ())


def test_probe_defaults_are_those_of_kubernetes(read: Read) -> None:
    """A probe that says nothing but its handler has the defaults of a Kubernetes probe."""
    probe = component(read("components: {a: {run: b, probes: {readiness: {tcp: 80}}}}")).readiness
    assert probe is not None
    assert (probe.initial_delay, probe.period, probe.timeout) == (0, 10, 1)
    assert (probe.success_threshold, probe.failure_threshold) == (1, 3)


@pytest.mark.parametrize(
    ("written", "signal"), [("INT", "INT"), ("SIGQUIT", "QUIT"), ("sigint", "INT"), ("hup", "HUP")]
)
def test_signals_with_and_without_sig(read: Read, written: str, signal: str) -> None:
    """The model holds a signal's name without SIG, however it was written."""
    assert (
        component(read(f"components: {{a: {{run: b, stop: {{signal: {written}}}}}}}")).stop.signal == signal
    )


def test_shells(read: Read) -> None:
    """A shell's name gets the option that takes a command; a list is taken as it is."""
    text = "components: {{a: {{run: b, shell: {}}}}}"
    assert component(read(text.format("bash"))).shell == ("bash", "-c")
    assert component(read(text.format("C:\\Windows\\cmd.exe"))).shell == (
        "C:\\Windows\\cmd.exe",
        "/d",
        "/s",
        "/c",
    )
    assert component(read(text.format("[bash, -eu, -c]"))).shell == ("bash", "-eu", "-c")


def test_merge_keys_and_anchors(read: Read) -> None:
    """Anchors under an x- key may be merged into components, whose own keys win."""
    loaded = read(
        """
        x-base: &base {cwd: /, autostart: false, restart: never}
        components:
          a: {<<: *base, run: b, restart: always}
          c:
            <<: [*base]
            run: d
        """
    )
    assert component(loaded).cwd == "/"
    assert component(loaded).restart.policy is Policy.ALWAYS
    assert component(loaded, "c").restart.policy is Policy.NEVER


def test_x_keys_are_left_alone_everywhere(read: Read) -> None:
    """Keys that begin with x- are never looked at, at any level; a component may still be called x-ray."""
    loaded = read(
        """
        x-a: [1, {b: '${NOPE}'}]
        components:
          x-ray: {run: b, x-note: 1, restart: {x-note: 1}, probes: {x-note: 1, liveness: {tcp: 80, x-why: z}}}
        """
    )
    assert component(loaded, "x-ray").run == "b"


def test_json_is_yaml(read: Read) -> None:
    """A configuration may be written as JSON."""
    loaded = read('{"version": 1, "components": {"a": {"run": ["b", "c"], "env": {"N": 1}}}}')
    assert component(loaded).env == {"N": "1"}


def test_a_byte_order_mark_does_no_harm(read: Read) -> None:
    """An editor's byte order mark and Windows line ends change nothing."""
    loaded = read("\ufeffversion: 1\r\ncomponents:\r\n  a:\r\n    run: b\r\n")
    assert component(loaded).run == "b"
