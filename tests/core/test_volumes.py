"""What a container mounts, in its parts."""

from __future__ import annotations

import pytest

from roost.core.volumes import Volume, parse


@pytest.mark.parametrize(
    ("text", "expected", "is_path"),
    [
        ("/data", Volume(None, "/data"), False),
        ("/data:ro", Volume(None, "/data", ("ro",)), False),
        ("db:/data", Volume("db", "/data"), False),
        ("./db:/data:ro,z", Volume("./db", "/data", ("ro", "z")), True),
        ("/a:/b", Volume("/a", "/b"), True),
        ("a/b:/c", Volume("a/b", "/c"), True),
        ("C:/x:/data", Volume("C:/x", "/data"), True),
        ("C:\\x:/data", Volume("C:\\x", "/data"), True),
    ],
)
def test_the_parts_of_a_volume(text: str, expected: Volume, is_path: bool) -> None:
    """INTERFACES §3: a source that is a path, the name of a volume, or nothing; put together it is the same."""
    volume = parse(text)
    assert volume == expected and volume is not None
    assert volume.is_path is is_path
    assert str(volume) == text


def test_what_is_no_volume() -> None:
    """The path in the container is absolute."""
    assert parse("data") is None
    assert parse("data:relative") is None
