"""The pytest plugin: `roost_project`, a session fixture that has the project ready while tests need it.

It is loaded into every pytest run of whoever has Roost installed, so importing it costs nothing: everything
else comes with the first test that asks for the fixture.  It stops nothing itself and keeps no account: each
process that runs tests (with pytest-xdist there are several) has a lease, and the last one to go, however it
goes, ends what was started for the tests (S82–S88).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..client.running import Running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--roost-required`: for CI, where a skipped test proves nothing."""
    group = parser.getgroup("roost", "a project's services for tests")
    group.addoption(
        "--roost-required",
        action="store_true",
        help="fail instead of skipping when the project of `roost_project` is not ready",
    )


@pytest.fixture(scope="session")
def roost_project_dir(pytestconfig: pytest.Config) -> str | os.PathLike[str]:
    """The folder of the project that tests use, or one inside it: pytest's root; override it for another."""
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def roost_components() -> tuple[str, ...]:
    """The components that tests need, beside what these need; none: all that autostart.  Override it."""
    return ()


@pytest.fixture(scope="session")
def roost_project(
    pytestconfig: pytest.Config, roost_project_dir: str | os.PathLike[str], roost_components: tuple[str, ...]
) -> Iterator[Running]:
    """The project, ready; `roost_project.client`, `.port(NAME)` and `.url(NAME)` lead to what runs.

    Tests are skipped with the reason (or fail, with `--roost-required`) when it is not ready.
    """
    from ..client.errors import RoostError
    from ..client.running import ensure_running

    ready = ensure_running(roost_project_dir, *roost_components)
    try:
        running = ready.__enter__()
    except RoostError as error:
        reason = f"roost: {error.message}" + (f" ({error.hint})" if error.hint else "")
        if pytestconfig.getoption("roost_required"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    try:
        yield running
    finally:
        ready.__exit__(None, None, None)
