"""Shared by the tests of the configuration: a reading of a text in a folder of its own."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from roost import config
from roost.config.loading import Loaded
from roost.config.project import PROJECT
from roost.config.reader import Reader
from roost.config.table import Table


def tables() -> list[Table[Any]]:
    """Every table of the configuration, in the order in which they are met."""
    found: dict[str, Table[Any]] = {}

    def walk(reader: Reader[Any]) -> None:
        if isinstance(reader, Table):
            if reader.name in found:
                assert found[reader.name] is reader, f"two tables are called {reader.name}"
                return
            found[reader.name] = reader
        for part in reader.inner():
            walk(part)

    walk(PROJECT)
    return list(found.values())


Read = Callable[..., Loaded]
Lines = Callable[..., list[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a text as PROJECT/roost.yaml, beside the env files in `files`."""

    def reading(
        text: str,
        environ: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        profiles: frozenset[str] | None = None,
        lacks: frozenset[str] = frozenset(),
    ) -> Loaded:
        for name, content in (files or {}).items():
            (tmp_path / name).write_bytes(content.encode())
        path = tmp_path / "roost.yaml"
        path.write_bytes(textwrap.dedent(text).encode())
        return config.load(str(path), environ or {}, profiles=profiles, lacks=lacks)

    return reading


@pytest.fixture
def lines(read: Read, tmp_path: Path) -> Lines:
    """The same, as the lines that people see, without the folder."""

    def rendered(text: str, *rest: Mapping[str, str], **named: Any) -> list[str]:
        loaded = read(text, *rest, **named)
        return [problem.render().removeprefix(str(tmp_path) + os.sep) for problem in loaded.problems]

    return rendered
