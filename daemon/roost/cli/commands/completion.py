"""`roost completion SHELL`: the script that makes a shell complete our commands and component names."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from .. import app, output
from .. import powershell as powershell  # registers that shell with click

_SHELLS = ("bash", "zsh", "fish", "powershell")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:        eval "$(roost completion bash)"         in ~/.bashrc
    zsh:         eval "$(roost completion zsh)"          in ~/.zshrc, after compinit
    fish:        roost completion fish | source          in ~/.config/fish/config.fish
    powershell:  roost completion powershell | Out-String | Invoke-Expression      in $PROFILE
    """
    kind = get_completion_class(shell)
    assert kind is not None
    # ShellComplete.source and not the subclass's: that of bash runs bash to complain about its version
    script = ShellComplete.source(kind(app.root, {}, "roost", app.COMPLETE_VARIABLE))
    output.data(script.rstrip("\n") + "\n")
