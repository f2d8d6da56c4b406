"""Probe windows and paces against the rules of the kubelet, as tables."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core import health
from roost.core.health import Pace, Result, Window
from roost.core.model import Probe, ProbeKind, TcpProbe

STARTUP, LIVENESS, READINESS = ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS


def probe(**values: float) -> Probe:
    return Probe(handler=TcpProbe(port="1"), **values)  # type: ignore[arg-type]


def result(mark: str) -> Result:
    """`.` a success, `F` a failure, `e` a failure of an early look, `E` a success of one."""
    return Result(ok=mark in ".E", message=mark, early=mark in "eE")


def verdicts(kind: ProbeKind, marks: str, success: int, failure: int) -> str:
    """The verdict after each result: `+` true, `-` false, `?` unknown."""
    rules = probe(success_threshold=success, failure_threshold=failure)
    window, seen = health.initial(kind), ""
    for mark in marks:
        window = health.fold(window, result(mark), rules)
        seen += {True: "+", False: "-", None: "?"}[window.verdict]
    return seen


@pytest.mark.parametrize(
    ("kind", "success", "failure", "marks", "expected"),
    [
        # liveness: true until failure_threshold failures in a row, then on hold whatever comes
        (LIVENESS, 1, 3, "..FFF", "++++-"),
        (LIVENESS, 1, 3, "FF.FF.FFF", "++++++++-"),
        (LIVENESS, 1, 3, "FFF...", "++----"),
        (LIVENESS, 1, 1, "F.", "--"),
        # readiness: false until it has succeeded; comes and goes, each at its own threshold
        (READINESS, 1, 3, ".FFF.", "+++-+"),
        (READINESS, 3, 1, "..F...F", "-----+-"),
        (READINESS, 2, 2, ".F..F.FF", "---++++-"),
        (READINESS, 1, 3, "FFFF", "----"),
        # startup: unknown until it has passed or failed, and decides once
        (STARTUP, 1, 3, "FF.FFFF", "??+++++"),
        (STARTUP, 1, 3, "FFF.", "??--"),
        (STARTUP, 2, 4, "F.F..F", "????++"),
        # early looks: their failures count nowhere, their success does
        (STARTUP, 1, 2, "eeeeFeeeF", "????????-"),
        (STARTUP, 1, 2, "eeE", "??+"),
        (READINESS, 1, 1, "eeE", "--+"),
    ],
)
def test_a_verdict_flips_only_at_its_threshold(
    kind: ProbeKind, success: int, failure: int, marks: str, expected: str
) -> None:
    """So many results of one kind in a row decide, no fewer; a decided startup or liveness holds (S11)."""
    assert verdicts(kind, marks, success, failure) == expected


@pytest.mark.parametrize(("kind", "verdict"), [(STARTUP, None), (LIVENESS, True), (READINESS, False)])
def test_before_the_first_result_a_probe_has_the_value_of_the_kubelet(
    kind: ProbeKind, verdict: bool | None
) -> None:
    """Startup is unknown, liveness true, readiness false, and none of them has decided anything (S11)."""
    window = health.initial(kind)
    assert window == Window(kind=kind, verdict=verdict)
    assert not window.failed and not window.decided


def test_only_liveness_and_startup_can_fail_a_run() -> None:
    """A readiness probe that fails for ever is never a reason to restart (S11)."""
    rules = probe(failure_threshold=1)
    failed = {kind: health.fold(health.initial(kind), result("F"), rules).failed for kind in ProbeKind}
    assert failed == {STARTUP: True, LIVENESS: True, READINESS: False}


def test_a_window_keeps_the_last_result_and_the_counts_for_people() -> None:
    """`status --verbose` shows what came last, also when it did not count, and how often in a row (S27)."""
    rules = probe()
    window = health.fold(health.initial(READINESS), result("F"), rules)
    window = health.fold(window, result("F"), rules)
    assert (window.successes, window.failures) == (0, 2)
    window = health.fold(window, Result(ok=False, message="still refused", early=True), rules)
    assert window.last is not None and window.last.message == "still refused"
    assert (window.successes, window.failures) == (0, 2)
    window = health.fold(window, result("."), rules)
    assert (window.successes, window.failures) == (1, 0)


def test_a_window_on_hold_keeps_the_result_that_decided() -> None:
    """What comes after a liveness failure does not hide why the run is being ended (P10)."""
    rules = probe(failure_threshold=1)
    window = health.fold(health.initial(LIVENESS), Result(ok=False, message="refused"), rules)
    assert health.fold(window, result("."), rules) is window


@given(st.sampled_from(list(ProbeKind)), st.integers(1, 4), st.integers(1, 4), st.text("..FFe", max_size=40))
def test_no_verdict_flips_without_a_full_row(kind: ProbeKind, success: int, failure: int, marks: str) -> None:
    """Whatever comes, each change of a verdict is preceded by a whole threshold of equal results (S15)."""
    start = {None: "?", True: "+", False: "-"}[health.initial(kind).verdict]
    seen = start + verdicts(kind, marks, success, failure)
    counting = [(mark, seen[i], seen[i + 1]) for i, mark in enumerate(marks) if mark != "e"]
    for position, (_, before, after) in enumerate(counting):
        if before != after:
            row = success if after == "+" else failure
            assert [m for m, _, _ in counting[: position + 1]][-row:] == ["." if after == "+" else "F"] * row


# -- when it looks ---------------------------------------------------------------------------------------


def looks(kind: ProbeKind, rules: Probe, marks: str, takes: float = 0.0) -> list[tuple[float, bool]]:
    """When each look begins and whether it is early, for a run that started at 100."""
    pace, now, seen = Pace(), 100.0, []
    for mark in marks:
        began = max(now, health.due(pace, kind, rules, 100.0, now))
        seen.append((round(began, 3), health.is_early(pace, kind, rules, began)))
        pace = health.looked(pace, kind, rules, began, mark == ".")
        now = began + takes
    return seen


def test_liveness_looks_once_a_period_from_its_initial_delay_on() -> None:
    """Each look of a liveness probe is due one period after the start of the one before, and counts."""
    rules = probe(initial_delay=5, period=10)
    assert looks(LIVENESS, rules, "FF.F") == [(105, False), (115, False), (125, False), (135, False)]


def test_a_slow_look_neither_overlaps_nor_shifts_into_the_next_period() -> None:
    """Periods are from start to start; a look longer than its period is followed by the next at once."""
    assert looks(LIVENESS, probe(period=10), "...", takes=4) == [(100, False), (110, False), (120, False)]
    assert looks(LIVENESS, probe(period=1), "...", takes=3) == [(100, False), (103, False), (106, False)]


def test_until_its_first_success_a_readiness_probe_looks_early() -> None:
    """It begins at a tenth of a second and slows down to one a second, so `up` need not wait a period."""
    seen = looks(READINESS, probe(period=10), "F" * 12)
    assert [at for at, _ in seen[:5]] == [100, 100.1, 100.2, 100.3, 100.45]
    gaps = [round(later - earlier, 2) for (earlier, _), (later, _) in pairwise(seen)]
    assert max(gaps) <= 1 and gaps == sorted(gaps)
    assert all(early for _, early in seen)


def test_exactly_one_failure_counts_in_each_period_before_the_first_success() -> None:
    """Looks that count are a period apart, however many early ones lie between (S15)."""
    seen = looks(STARTUP, probe(period=3), "F" * 19)
    assert [at for at, early in seen if not early] == [103, 106, 109, 112]


@given(st.floats(0.1, 20), st.integers(1, 6), st.floats(0, 3), st.floats(0, 0.0005))
def test_a_startup_probe_grants_its_whole_grace(
    period: float, threshold: int, takes: float, too_soon: float
) -> None:
    """It fails after `failure_threshold * period`, never before, and within a look's length of it (S15)."""
    rules = probe(period=period, failure_threshold=threshold)
    pace, window, began = Pace(), health.initial(STARTUP), 0.0
    now = 0.0
    while not window.failed:
        began = max(now, health.due(pace, STARTUP, rules, 0.0, now) - too_soon)
        early = health.is_early(pace, STARTUP, rules, began)
        window = health.fold(window, Result(ok=False, message="no", early=early), rules)
        pace = health.looked(pace, STARTUP, rules, began, ok=False)
        now = began + takes
    grace = threshold * period
    assert grace - 0.001 * threshold <= began <= grace + threshold * takes + 0.001


def test_after_the_first_success_every_look_is_a_period_apart_and_counts() -> None:
    """Once it has been ready, a probe keeps its period, also when it fails again."""
    seen = looks(READINESS, probe(period=10), "FF.FF.")
    assert [at for at, _ in seen] == [100, 100.1, 100.2, 110.2, 120.2, 130.2]
    assert [early for _, early in seen] == [True, True, True, False, False, False]


def test_a_period_shorter_than_the_early_pause_is_kept() -> None:
    """Early looks never make a probe slower than its own period."""
    seen = looks(READINESS, probe(period=0.05), "FFF")
    assert [at for at, _ in seen] == [100, 100.05, 100.1]
