"""What hides the values that nobody must see."""

from __future__ import annotations

import pytest

from roost.core.secrets import Masker

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG\n-----END KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pw hunter2-hunter2!", "pw ***!"),
        ("short: abc", "short: abc"),
        ("plain: visible-value", "plain: visible-value"),
        ("named: a-value-that-is-named", "named: ***"),
        ("longer first: hunter2-hunter2-and-more", "longer first: ***"),
        (f"whole {PEM}", "whole ***"),
        ("MIIEvQIBADANBgkq", "***"),
        ("hkiG", "hkiG"),
    ],
)
def test_values_of_secrets_are_replaced(text: str, shown: str) -> None:
    """P19: of eight characters or more, by the key's looks or by name; a line of a longer one is one, too."""
    environment = {
        "DB_PASSWORD": "hunter2-hunter2",
        "API_TOKEN": "hunter2-hunter2-and-more",
        "A_KEY": "abc",
        "TLS_key": PEM,
        "PLAIN": "visible-value",
        "NAMED": "a-value-that-is-named",
    }
    assert Masker([environment], ["NAMED"]).mask(text) == shown
