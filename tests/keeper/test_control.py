"""What the keeper makes of its clients."""

from __future__ import annotations

from unittest import mock

import pytest

from roost.keeper import wire
from roost.keeper.control import Control


@pytest.mark.parametrize(("role", "over"), [("doctor", 1), ("daemon", 0)])
@pytest.mark.parametrize(
    "word",
    [
        {"verb": "known_exit", "name": "api", "run": 1, "code": 7},
        {"verb": "keep", "name": "web"},
        {"verb": "remember", "name": "roost.yaml", "text": "a: b"},
    ],
    ids=lambda word: str(word["verb"]),
)
def test_a_handover_is_over_when_who_makes_it_is_gone(word: dict[str, object], role: str, over: int) -> None:
    """P1: a daemon that is killed while it tells the next keeper what it knows is waited for no longer."""
    keeper, link = mock.MagicMock(), mock.Mock(given=[])
    keeper.facts.return_value = {}
    control = Control(keeper)
    control.connected(link)
    hello = {"verb": "hello", "role": role, "major": wire.MAJOR}
    control.received(link, wire.encode({"id": 1, **hello}) + wire.encode({"id": 2, **word}))
    for _ in range(2):
        control.serve()
    assert keeper.handed_over.call_count == 0
    control.closed(link)
    assert keeper.handed_over.call_count == over


def test_a_handover_is_over_with_its_last_word() -> None:
    """wire.py: `environ` of whoever is not the daemon."""
    keeper, link = mock.MagicMock(), mock.Mock(given=[])
    control = Control(keeper)
    control.connected(link)
    control.received(link, wire.encode({"id": 1, "verb": "environ", "env": {}}))
    control.serve()
    assert keeper.handed_over.call_count == 1
