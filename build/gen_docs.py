"""Writes the references that are made from the code: one function for each document.

    python build/gen_docs.py            writes them
    python build/gen_docs.py --check    exits 1, naming those that are out of date

A test makes the same comparison.  What a document says beside its tables stands here, next to them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "daemon"))

from roost.api.reference import markdown  # noqa: E402
from roost.config.project import PROJECT  # noqa: E402
from roost.config.reader import Reader  # noqa: E402
from roost.config.table import Table  # noqa: E402
from roost.core.machine import EDGES  # noqa: E402

GENERATED = "<!-- Made by build/gen_docs.py: change that, or the tables it reads, and run it again. -->"

CONFIGURATION = """\
# roost.yaml

`roost check` looks for mistakes, `roost schema` prints the JSON Schema, `roost init` writes an example.
A file is YAML, so JSON works too. Every problem is reported, not only the first, one a line:

```
roost.yaml:7:10: components.db.restart: 'no' is not one of always, on-failure or never (did you mean 'never'?)
```

A line with `warning:` after the position does not fail. Unknown keys are errors; keys that begin with
`x-` are left alone, so that anchors (`&name`, `*name`, `<<: *name`) have a place to live.

## Values

**Durations** are `250ms`, `10s`, `5m`, `1h`, or a bare number of seconds; **sizes** are `512KB`,
`10MB`, `2GB` (powers of 1024), or a bare number of bytes.

**Text is what you wrote.** `22:22`, `0777`, `1.10`, `yes` and `no` reach a variable or an argument
letter by letter. Where text is expected elsewhere, a number or `true` must be in quotes. A key without
a value is an error: write `""` for an empty variable.

**Variables**: `${NAME}`, `${NAME:-default}` (unset or empty), `${NAME:?message}` (unset or empty: an
error), and `$$` for `$`; any other `$` is left alone. `${NAME}` of a variable that is not set is an
error. They work in every value, except in commands (`run`, `command`, `entrypoint`, `hooks`,
`stop.command`) and probes, where `$` belongs to the shell. A value may use, the first that has it: the
variables above it in the same `env`, the component's `env_file`, the project's `env`, its `env_file`,
the environment in which `up` was first called. The component itself gets them by the same rule.

**Ports**: `${port.NAME}` is the component's own port of that name, `${port.COMPONENT.NAME}` another's;
they work in commands, `env`, probes and `url`. `$${port.NAME}` is that text itself.

**Env files** hold `NAME=value`, `export NAME=value`, comments after `#`, and values in single quotes
(as they are) or double quotes (`\\n`, `\\t`, `\\"`, `\\\\`), which may span lines. Nothing is
substituted in them.

**Defaults**: a component's own value wins over that of `defaults`; maps are merged key by key, anything
else is replaced whole. What means nothing for a component (a volume for a process, a threshold for a
probe that it does not have) is left out.

**Replicas** are components of their own, `NAME-1` … `NAME-n`; `${ROOST_REPLICA}` is the number, also in
values. `NAME` in `depends_on` stands for all of them.
"""

TITLES = {"project": "The project", "component": "A component", "log_failure": "log with fail"}


def configuration() -> str:
    """docs/configuration.md: every key of roost.yaml, from the tables that read it."""
    return "\n".join([GENERATED, "", CONFIGURATION, "", *(_section(table) for table in _tables(PROJECT))])


def _tables(reader: Reader[Any], seen: set[str] | None = None) -> Iterator[Table[Any]]:
    """Every table below a reader, each once, in the order in which they are met."""
    seen = set() if seen is None else seen
    if isinstance(reader, Table):
        if reader.name in seen:
            return
        seen.add(reader.name)
        yield reader
    for part in reader.inner():
        yield from _tables(part, seen)


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _section(table: Table[Any]) -> str:
    lines = [f"## {_title(table.name)}", ""]
    if table.shorthand is not None:
        lines += [f"`{table.shorthand}` may stand alone, without the map.", ""]
    for group in table.exclusive:
        lines += [f"At most one of {', '.join(f'`{name}`' for name in group)}.", ""]
    lines += ["| key | takes | default | |", "| --- | --- | --- | --- |"]
    for key in table.keys.values():
        default = "required" if key.required else key.default
        cells = (f"`{key.name}`", _linked(key.reader.words()), default, key.doc)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _linked(words: str) -> str:
    """The maps that a description names, as links to their sections."""

    def link(match: re.Match[str]) -> str:
        title = _title(match[1].replace(" ", "_"))
        return f"a map ([{title}](#{title.lower().replace(' ', '-')}))"

    return re.sub(r"a map \(([a-z ]+)\)", link, words)


STATES = """\
# States

A component is always in one of these states; what moves it from one to another is in
`daemon/roost/core/machine.py`, from whose table this page is made.

| state | meaning |
| --- | --- |
| `stopped` | nothing runs and nothing is planned |
| `waiting` | wanted; something that it depends on does not hold yet (or its restart is about to begin) |
| `starting` | asked of the keeper; or it runs, and its startup probe has not passed yet |
| `running` | it runs; whether it is `ready` is another question |
| `stopping` | asked to end |
| `backoff` | it ended badly and will be started again at a known time |
| `failed` | given up, or ended badly under `never`; only a person's start leads out |
| `completed` | it ended as it should, and its policy does not start it again |

Whatever is not drawn does not happen: an event that is not named at a state leaves it as it is.
"""


def states() -> str:
    """docs/states.md: the state diagram, drawn from the transition table."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, event, target in sorted(EDGES):
        labels.setdefault((source, target), []).append(event)
    arrows = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in labels.items()]
    diagram = ["```mermaid", "stateDiagram-v2", "    [*] --> stopped", *arrows, "```", ""]
    return "\n".join([GENERATED, "", STATES, *diagram])


def rpc() -> str:
    """docs/rpc.md: every method of the interface, from the table that dispatches."""
    return f"{GENERATED}\n\n{markdown()}"


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/configuration.md": configuration,
    "docs/rpc.md": rpc,
    "docs/states.md": states,
}


def stale() -> list[str]:
    """The documents that are not what they would be if they were made now."""
    return [name for name, make in DOCUMENTS.items() if not _same(ROOT / name, make())]


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        for name in stale():
            print(f"{name} is out of date (run: python build/gen_docs.py)", file=sys.stderr)
        return 1 if stale() else 0
    for name, make in DOCUMENTS.items():
        (ROOT / name).write_text(make(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
