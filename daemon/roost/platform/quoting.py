"""Command lines for Windows, where a program gets its arguments as one text that it takes apart itself.

Pure: the rules are those of Microsoft's C runtime ("Parsing C command-line arguments"), which nearly every
program follows, and of cmd.exe, which follows its own.
"""

from __future__ import annotations

import ntpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def command_line(argv: Sequence[str]) -> str:
    """The text from which a program that is started with it makes `argv`.

    What follows a `/c` of cmd.exe is a command in its own language and is left as it is, inside one pair of
    quotes, which `/s` makes it take off again.
    """
    if _is_shell(argv[0]):
        for number, argument in enumerate(argv):
            if argument.lower() == "/c":
                options = " ".join(quote(each) for each in argv[: number + 1])
                return f'{options} "{" ".join(argv[number + 1 :])}"'
    return " ".join(quote(argument) for argument in argv)


def batch_command_line(shell: str, script: str, arguments: Sequence[str]) -> str:
    """The command line by which `shell` (cmd.exe) runs a batch file with arguments."""
    return command_line([shell, "/d", "/s", "/c", " ".join(quote(each) for each in [script, *arguments])])


def quote(argument: str) -> str:
    """One argument: quoted where it must be, with backslashes doubled where a quote follows them."""
    if argument and not any(character in argument for character in ' \t\n\v"'):
        return argument
    text, backslashes = ['"'], 0
    for character in argument:
        if character == "\\":
            backslashes += 1
            continue
        if character == '"':
            text.append("\\" * (2 * backslashes + 1))
        else:
            text.append("\\" * backslashes)
        backslashes = 0
        text.append(character)
    text.append("\\" * (2 * backslashes) + '"')
    return "".join(text)


def program_candidates(name: str, path: str, extensions: str, folder: str) -> list[str]:
    """The files that `name` may mean, given PATH and PATHEXT, the best first.

    Relative names and entries are taken from `folder`, in which the program is to run.
    """
    endings = [ending for ending in extensions.split(";") if ending]
    if ntpath.splitext(name)[1].lower() in [ending.lower() for ending in endings]:
        endings = [""]
    if any(separator in name for separator in "\\/:"):
        folders = [""]
    else:
        folders = [entry.strip('"') for entry in path.split(";") if entry]
    return [ntpath.join(folder, place, name) + ending for place in folders for ending in endings]


def _is_shell(program: str) -> bool:
    return ntpath.basename(program).lower() in ("cmd", "cmd.exe")
