"""Reading the fields of a request: a missing one, or one of the wrong type, is the sender's error."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


_FOR_EVER = 1e9  # seconds; what a poller can wait for


class Refused(Exception):
    """The request cannot be done; `kind` is one of the wire's, `more` goes into the error, too."""

    def __init__(self, kind: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.more = more


def text(request: dict[str, object], field: str, default: str | None = None) -> str:
    """A string."""
    return _typed(request, field, str, default)


def whole(request: dict[str, object], field: str, default: int | None = None, most: int = 2**63) -> int:
    """A whole number from 0 to `most`."""
    value = _typed(request, field, int, default)
    if 0 <= value <= most:
        return value
    raise Refused("bad_request", f"{field} must be from 0 to {most}, not {value}")


def exit_code(request: dict[str, object], field: str) -> int:
    """A whole number, negative for a signal."""
    return _typed(request, field, int, None)


def seconds(request: dict[str, object], field: str, default: float) -> float:
    """A number of seconds, not negative."""
    value = request.get(field, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return min(float(value), _FOR_EVER)
    raise Refused("bad_request", f"{field} must be a number of seconds, not {value!r}")


def optional_text(request: dict[str, object], field: str) -> str | None:
    """A string, or null; a missing one is null."""
    return None if request.get(field) is None else text(request, field)


def texts(request: dict[str, object], field: str) -> list[str]:
    """A list of strings."""
    values = _typed(request, field, list, None)
    if not all(isinstance(value, str) for value in values):
        raise Refused("bad_request", f"{field} must be a list of strings")
    return values


def mapping(
    request: dict[str, object], field: str, default: dict[str, object] | None = None
) -> dict[str, object]:
    """An object."""
    return _typed(request, field, dict, default)


def environment(request: dict[str, object], field: str) -> dict[str, str]:
    """An object whose values are all strings."""
    values = mapping(request, field)
    if not all(isinstance(value, str) for value in values.values()):
        raise Refused("bad_request", f"the values of {field} must be strings")
    return {key: str(value) for key, value in values.items()}


def _typed(request: dict[str, object], field: str, kind: type[T], default: T | None) -> T:
    value = request.get(field, default)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise Refused("bad_request", f"{field} is missing or is no {kind.__name__}")
