"""The files of one reading: roost.yaml and the env files that it names, within bounds, each read once.

What was read is what is hashed: a change of any of these files, and of nothing else, changes the hash (S57).
Nothing here ever waits on a file (a FIFO is refused) or writes one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T")

LARGEST: Final = 16 * 1024 * 1024
"""Bytes.  The bound of the parser, in characters, is lower; this one is for what is no text at all."""


def read_bytes(path: str) -> bytes:
    """The content of a regular file.  Raises OSError, with a reason for people in `strerror`."""
    try:
        mode = os.stat(path).st_mode
    except ValueError as error:  # a NUL, or what the file system cannot encode
        raise OSError(0, "its name is not a possible one") from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is not a regular file")
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(0, f"it is larger than {LARGEST // 1024**2} MB")
    return content


def reason(error: OSError) -> str:
    """Why a file could not be read, in words that fit into a sentence."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def digest(contents: Iterable[bytes | None]) -> str:
    """`sha256:` and the hash of several files' contents; None stands for a file that is not there."""
    total = hashlib.sha256()
    for content in contents:
        total.update(b"-" if content is None else b"%d:" % len(content))
        total.update(content or b"")
    return "sha256:" + total.hexdigest()


def is_inside(path: str, folder: str) -> bool:
    """Whether a path leads into a folder (absolute and real), wherever its links lead."""
    real = os.path.realpath(path)
    try:
        return os.path.commonpath([real, folder]) == folder
    except ValueError:  # another drive
        return False


class Outside(PermissionError):
    """A file that may not be read for who asks."""


class Files:
    """What a reading asks of the disk, each question once.

    `root` is the project's folder, absolute; `shown` is the same folder as the caller named it.  Nothing is read
    that lies outside of the folder `within`, if one is given.
    """

    def __init__(self, root: str, shown: str, within: str | None = None) -> None:
        self.root = root
        self._within = within
        self._shown = shown
        self._contents: dict[str, bytes | OSError] = {}
        self._folders: dict[str, bool] = {}
        self._made: dict[str, Any] = {}

    def absolute(self, path: str) -> str:
        """A path of roost.yaml, which is relative to the project."""
        return os.path.normpath(os.path.join(self.root, path))

    def shown(self, path: str) -> str:
        """The same path as problems name it."""
        return os.path.join(self._shown, path)

    def content(self, path: str) -> bytes:
        """The bytes of an absolute path; raises OSError."""
        if path not in self._contents:
            try:
                self._refuse_outside(path)
                self._contents[path] = read_bytes(path)
            except OSError as error:
                self._contents[path] = error
        found = self._contents[path]
        if isinstance(found, OSError):
            raise found
        return found

    def _refuse_outside(self, path: str) -> None:
        if self._within is not None and not is_inside(path, self._within):
            raise Outside(errno.EACCES, "it lies outside of the project")

    def once(self, path: str, work: Callable[[], T]) -> T:
        """What `work` makes of a file, done for the first of many components that name it."""
        if path not in self._made:
            self._made[path] = work()
        made: T = self._made[path]
        return made

    def is_folder(self, path: str) -> bool:
        """Whether an absolute path is a folder."""
        if path not in self._folders:
            self._folders[path] = os.path.isdir(path)
        return self._folders[path]

    def names(self) -> tuple[str, ...]:
        """Every env file that was asked for, also those that are not there; absolute, sorted."""
        return tuple(sorted(self._contents))

    def digest(self, configuration: bytes) -> str:
        """The hash of the configuration and of every env file that was asked for."""
        found = (self._contents[name] for name in self.names())
        return digest([configuration, *(None if isinstance(item, OSError) else item for item in found)])
