"""Run records: the good ones, and an error for each bad one."""

from __future__ import annotations

import json
from pathlib import Path

from roost.records.runs import RunRecord, read_runs


def put(folder: Path, name: str, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{name}.json").write_text(text)


def test_many_records_give_the_good_and_an_error_for_each_bad(tmp_path: Path) -> None:
    """A bad record never hides a good one (S70), and each says what is wrong with it."""
    put(tmp_path, "api", {"name": "api", "run": 3, "pid": 7, "start_time": 5, "boot_id": "b", "more": 1})
    put(tmp_path, "intent", {"name": "intent", "run": 1, "pid": None})
    put(tmp_path, "torn", '{"name": "to')
    put(tmp_path, "list", [])
    put(tmp_path, "zero", {"name": "zero", "run": 0})
    put(tmp_path, "text", {"name": "text", "run": 1, "pid": "7"})
    put(tmp_path, "stranger", {"name": "other", "run": 1})
    (tmp_path / "api.json.12.ab.tmp").write_text("{")
    found = read_runs(str(tmp_path))
    assert set(found.records) == {"api", "intent"}
    api = found.records["api"]
    assert api[:5] == ("api", 3, 7, 5, "b")
    assert api.fields["more"] == 1
    assert found.records["intent"] == RunRecord(
        "intent", 1, None, None, None, {"name": "intent", "run": 1, "pid": None}
    )
    errors = {Path(error.path).stem: error.message for error in found.errors}
    assert set(errors) == {"torn", "list", "zero", "text", "stranger"}
    assert "pid" in errors["text"]
    assert "other" in errors["stranger"]


def test_no_folder_means_no_runs(tmp_path: Path) -> None:
    """Before the first start there is no folder, and that is no error."""
    assert read_runs(str(tmp_path / "runs")) == ({}, [])
