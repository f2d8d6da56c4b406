"""Which changed files restart a component (`watch`)."""

from __future__ import annotations

import pytest

from roost.core.watching import relevant, sentence

PROJECT, STATE = "/p", "/p/.roost"


@pytest.mark.parametrize(
    ("path", "roots", "ignore", "counts"),
    [
        ("/p/src/app.py", ["/p/src"], [], True),
        ("/p/src/deep/er/app.py", ["/p/src"], [], True),
        ("/p/README", ["/p/src"], [], False),
        ("/p/src2/app.py", ["/p/src"], [], False),
        ("/p/config.yaml", ["/p/config.yaml"], [], True),
        ("/p/config.yaml.bak", ["/p/config.yaml"], [], False),
        ("/p/src/__pycache__/app.pyc", ["/p/src"], [], False),
        ("/p/.git/index", ["/p"], [], False),
        ("/p/src/app.py~", ["/p/src"], [], False),
        ("/p/src/.app.py.swp", ["/p/src"], [], False),
        ("/p/node_modules/x/index.js", ["/p"], [], False),
        ("/p/node_modules/x/index.js", ["/p/node_modules/x"], [], True),
        ("/p/.roost/logs/api.log", ["/p"], [], False),
        ("/p/.roost/logs/api.log", ["/p/.roost"], [], False),
        ("/p/src/app.css", ["/p/src"], ["*.css"], False),
        ("/p/src/gen/app.py", ["/p/src"], ["gen"], False),
        ("/p/src/gen/app.py", ["/p/src"], ["gen/"], False),
        ("/p/src/gen/app.py", ["/p/src"], ["src/gen"], False),
        ("/p/src/gen/app.py", ["/p/src"], ["src/gen/*.py"], False),
        ("/p/src/gen/app.py", ["/p/src"], ["other/gen"], True),
        ("/p/src/gen/app.py", ["/p/src"], ["**/*.py"], False),
        ("/elsewhere/lib.py", ["/elsewhere"], [], True),
    ],
)
def test_which_changes_count(path: str, roots: list[str], ignore: list[str], counts: bool) -> None:
    """Below what is watched, not ignored by a pattern or by what tools write for themselves, never our own."""
    assert relevant([path], roots, ignore, PROJECT, STATE) == ([path] if counts else [])


def test_the_reason_names_the_first_file_and_counts_the_rest() -> None:
    """Short enough for a sentence, also after a checkout of another branch."""
    assert sentence(["/p/src/app.py"], PROJECT) == "changed: src/app.py"
    assert sentence(["/p/a", "/p/b", "/p/c"], PROJECT) == "changed: a and 2 more"
    assert sentence(["/elsewhere/lib.py"], PROJECT) == "changed: /elsewhere/lib.py"
