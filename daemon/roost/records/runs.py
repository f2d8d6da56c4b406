"""`runs/NAME.json`: the keeper's record of each live run, for adoption and for `status` without a daemon.

A bad record never hides a good one (S70).  Nothing here says whether the process still lives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

_SUFFIX = ".json"


class RunRecord(NamedTuple):
    """One live run.  Without a pid it is an intent: the spawn was about to happen.

    `start_time` is in the system's own unit (platform.identity); `fields` is all that the keeper wrote.
    """

    name: str
    run: int
    pid: int | None
    start_time: int | None
    boot_id: str | None
    fields: Mapping[str, object]


class BadRecord(NamedTuple):
    """A file that is no run record, and why."""

    path: str
    message: str


class RunRecords(NamedTuple):
    """The good ones by name, and an error for each bad one."""

    records: dict[str, RunRecord]
    errors: list[BadRecord]


def read_runs(folder: str) -> RunRecords:
    """Every record in `folder` (`.roost/runs`); no folder means no runs."""
    records: dict[str, RunRecord] = {}
    errors: list[BadRecord] = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        names = []
    except OSError as error:
        names = []
        errors.append(BadRecord(folder, f"cannot be listed: {error.strerror}"))
    for file_name in names:
        if not file_name.endswith(_SUFFIX):
            continue  # a temporary file of an atomic write
        path = os.path.join(folder, file_name)
        found = read_run(path)
        if isinstance(found, RunRecord):
            records[found.name] = found
        elif found is not None:
            errors.append(found)
    return RunRecords(records, errors)


def read_run(path: str) -> RunRecord | BadRecord | None:
    """One record; None if it has gone, as it does when the run ends."""
    try:
        with open(path, "rb") as file:
            fields = json.loads(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        return BadRecord(path, f"cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        return BadRecord(path, f"not JSON: {error}")
    name = os.path.basename(path).removesuffix(_SUFFIX)
    wrong = _what_is_wrong(fields, name)
    if wrong is not None:
        return BadRecord(path, wrong)
    return RunRecord(
        name, fields["run"], fields.get("pid"), fields.get("start_time"), fields.get("boot_id"), fields
    )


def _what_is_wrong(fields: object, name: str) -> str | None:
    if not isinstance(fields, dict):
        return "not a JSON object"
    if fields.get("name", name) != name:
        return f"it is the record of {fields['name']!r}, not of {name!r}"
    if type(fields.get("run")) is not int or fields["run"] < 1:
        return f"run: a number from 1 is wanted, not {fields.get('run')!r}"
    for key, wanted in (("pid", int), ("start_time", int), ("boot_id", str)):
        value = fields.get(key)
        if value is not None and type(value) is not wanted:
            return f"{key}: {wanted.__name__} is wanted, not {value!r}"
    return None
