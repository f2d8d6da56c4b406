"""`roost version`."""

from __future__ import annotations

import click

from ... import __version__
from .. import output


@click.command("version")
def command() -> None:
    """Print the version."""
    output.data(f"roost {__version__}\n")
