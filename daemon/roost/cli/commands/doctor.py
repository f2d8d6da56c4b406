"""`roost doctor`."""

from __future__ import annotations

import click

from ...platform.paths import ProjectPaths
from .. import context, exits, options, output
from ..doctor import engine, layers, surroundings, tray
from ..doctor.finding import Finding
from ..look import Look
from ..text import count, harmless

_COLORS = {"ok": "green", "note": "yellow", "problem": "red"}


@click.command("doctor")
@options.json_option
@click.pass_obj
def command(project: str | None, as_json: bool) -> int:
    """Check the surroundings and every layer by which the daemon is known; say what is broken and what to do.

    Needs no daemon and changes nothing.  Exit code 1 if there is a problem.
    """
    findings = _examine(context.locate(project))
    problems = [finding for finding in findings if finding.status == "problem"]
    if as_json:
        output.data_json({"ok": not problems, "findings": [finding._asdict() for finding in findings]})
    else:
        look = output.out_look()
        output.data("".join(_line(finding, look) for finding in findings))
        output.note(f"roost: {count(len(problems), 'problem')}" if problems else "roost: all is well")
    return exits.FAILED if problems else exits.DONE


def _examine(paths: ProjectPaths) -> list[Finding]:
    return [
        *surroundings.findings(paths),
        *engine.findings(paths),
        *layers.judge(layers.look(paths)),
        *tray.findings(),
    ]


def _line(finding: Finding, look: Look) -> str:
    mark = {"ok": look.tick, "note": "-", "problem": look.cross}[finding.status]
    text = f"{look.paint(mark, _COLORS[finding.status])} {finding.layer:<14}  {harmless(finding.message)}\n"
    if finding.advice:
        text += f"{'':{len(mark) + 17}}{harmless(finding.advice)}\n"
    return text
