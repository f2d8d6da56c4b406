"""The limit of open descriptors: ours is raised, a component gets the one that it would have had (D10)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

if sys.platform == "win32":

    def raise_limit() -> int:
        """Nothing to do: Windows has no such limit on handles."""
        return 0

    class OriginalLimit:
        """Nothing to do, for the same reason."""

        def __enter__(self) -> None:
            return

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            return
else:
    import resource

    _AT_START = resource.getrlimit(resource.RLIMIT_NOFILE)

    def raise_limit() -> int:
        """Raise the soft limit to what the hard one allows; the limit that holds now."""
        soft, hard = _AT_START
        for wanted in (
            hard,
            1_048_576,
            65_536,
            10_240,
        ):  # macOS takes no infinity, and little more than the last
            if wanted in (soft, resource.RLIM_INFINITY) or (hard != resource.RLIM_INFINITY and wanted > hard):
                continue
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            except (OSError, ValueError):
                continue
            return wanted
        return soft

    class OriginalLimit:
        """While this is entered, the soft limit is the one that our starter had: what is spawned inherits it.

        The limit is the whole process's; another thread that opens something meanwhile may see EMFILE.
        """

        __slots__ = ("_raised",)

        def __init__(self) -> None:
            self._raised = _AT_START

        def __enter__(self) -> None:
            self._raised = resource.getrlimit(resource.RLIMIT_NOFILE)
            if self._raised != _AT_START:
                resource.setrlimit(resource.RLIMIT_NOFILE, _AT_START)

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            if self._raised != _AT_START:
                resource.setrlimit(resource.RLIMIT_NOFILE, self._raised)
