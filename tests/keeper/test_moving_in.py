"""What a second keeper makes of a lock that it cannot have."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from roost.keeper import main
from roost.keeper.house import Unusable
from roost.platform.paths import ProjectPaths

PATHS = ProjectPaths("/p", "/p/.roost", "/run/p")


class Occupied:
    """A house whose lock another has, who listens, and answers, from some time on; time is virtual."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, listens: float, answers: float) -> None:
        self.now = 100.0
        self._listens, self._answers = self.now + listens, self.now + answers
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self._pass)
        monkeypatch.setattr(main, "time", clock)
        monkeypatch.setattr(main, "_ask", self._ask)
        monkeypatch.setattr(main, "endpoint", SimpleNamespace(is_there=lambda _: self.now >= self._listens))

    def homeless(self) -> list[int]:
        return []

    def prepare(self) -> None:
        """Nothing is missing."""

    def take(self) -> bool:
        return False

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def _ask(self, _: str) -> int | None:
        self._pass(0.5 if self._listens <= self.now < self._answers else 0.01)
        return 77 if self.now >= self._answers else None


@pytest.mark.parametrize(("listens", "answers"), [(0.0, 0.0), (0.0, 2.5), (3.0, 3.2), (7.0, 10.0)])
def test_a_keeper_that_is_slow_to_begin_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, listens: float, answers: float
) -> None:
    """S2, S72: between having the lock and answering a busy machine may hold it up for seconds."""
    house = Occupied(monkeypatch, listens, answers)
    assert main._move_in(house, PATHS) == 77  # type: ignore[arg-type]


@pytest.mark.parametrize("listens", [0.0, 3.0, 1e9])
def test_one_that_never_answers_is_told_of(monkeypatch: pytest.MonkeyPatch, listens: float) -> None:
    """S6: within the ten seconds that a starter waits for a word, or as good as."""
    house = Occupied(monkeypatch, listens, 1e9)
    with pytest.raises(Unusable, match="does not answer"):
        main._move_in(house, PATHS)  # type: ignore[arg-type]
    assert house.now < 109.0
