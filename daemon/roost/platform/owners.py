"""Whose a file is, and who we are: by the system's user numbers, as names for people."""

from __future__ import annotations

import os
import sys


def our_name() -> str:
    """The name of the user that this process acts as."""
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "this user")
    return user_name(os.geteuid())


def foreign_owner(path: str) -> str | None:
    """The name of the user whom `path` belongs to, if that is not us; None if it is ours or is not there.

    On Windows always None: there the access lists of folder and pipe decide, and an administrator's files
    belong to a group.
    """
    if sys.platform == "win32":
        return None
    try:
        owner = os.stat(path).st_uid
    except OSError:
        return None
    return None if owner == os.geteuid() else user_name(owner)


def user_name(number: int) -> str:
    """The name that belongs to a user number, or the number itself where it has none."""
    if sys.platform == "win32":
        return str(number)
    import pwd  # only for an answer that names somebody

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def is_private(folder: str) -> bool:
    """Whether nobody but the owner may enter the folder; a folder that is not there is.

    On Windows always True: the folder inherits the access list of the user's own.
    """
    if sys.platform == "win32":
        return True
    try:
        return os.stat(folder).st_mode & 0o077 == 0
    except OSError:
        return True
