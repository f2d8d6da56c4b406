"""`roost reload`."""

from __future__ import annotations

import click

from .. import exits, options, output, sayings, session


@click.command("reload")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@options.json_option
@click.pass_obj
def command(project: str | None, dry_run: bool, as_json: bool) -> int:
    """Apply roost.yaml as it is now.

    It is validated first; an invalid one changes nothing (exit code 2).  Only what changed is restarted,
    what is new is started, what is gone is stopped, and the rest keeps its pids.
    """
    with session.open_session(project) as daemon:
        answer = daemon.call("config.reload", {"dry_run": dry_run})
    if as_json:
        output.data_json(answer)
    else:
        output.data(sayings.reload_text(answer, dry_run))
    return exits.DONE
