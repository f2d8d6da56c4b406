"""What a daemon sends, read into types; what it is asked, written.  Pure; shared by both typed clients."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ..api import codec
from ..api.methods import METHODS
from .errors import RoostError, from_answer
from .streams import Lagged

SILENCE = 30.0
"""Seconds without answer or progress after which a call is given up (S41)."""


class ErrorData(Struct):
    """What an error says for programs."""

    kind: str | None = None
    hint: str | None = None


class ErrorObject(Struct):
    """An answer that is an error."""

    code: int
    message: str
    data: ErrorData | None = None

    def exception(self) -> RoostError:
        """It as what a client raises."""
        data = self.data or ErrorData()
        return from_answer(self.code, self.message, data.kind, data.hint)


class Incoming(Struct):
    """One line of a daemon: an answer has `result` or `error`, a notification has `method`."""

    id: int | str | float | None = None
    result: Raw | UnsetType = UNSET
    error: ErrorObject | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Raw = Raw(b"{}")


class _Tag(Struct):
    subscription: str
    lagged: int = 0
    error: ErrorObject | None = None


_incoming = msgspec.json.Decoder(Incoming)
_tag = msgspec.json.Decoder(_Tag)
_object = msgspec.json.Decoder(dict[str, Raw])


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def encode(identity: int, method: str, params: object) -> bytes:
    """A request as the bytes of its line."""
    return codec.request(identity, method, params) + b"\n"


def read(line: bytes) -> Incoming:
    """One line.  Raises RoostError for what no daemon of ours sends."""
    try:
        return _incoming.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RoostError(f"the daemon's answer makes no sense: {error}", kind="internal") from error


def result(answer: Incoming, kind: Any) -> Any:
    """The result as `kind`.  Raises the exception that the answer is."""
    if answer.error is not UNSET:
        raise answer.error.exception()
    if answer.result is UNSET:
        raise RoostError("the daemon's answer has neither result nor error", kind="internal")
    return _typed(answer.result, kind)


def _typed(raw: Raw, kind: Any) -> Any:
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError as error:
        raise RoostError(
            f"the daemon's answer does not fit this version of the client: {error}",
            "give both the same version: roost daemon restart",
            "internal",
        ) from error


def progress_of(notice: Incoming) -> tuple[object, dict[str, Any]] | None:
    """The request's id and the data of a `progress` notification; None for any other message."""
    if notice.method != "progress":
        return None
    data: dict[str, Any] = msgspec.json.decode(notice.params, type=dict[str, Any])
    return data.pop("id", None), data


def stream_items(notice: Incoming, subscription: str, kinds: dict[str, Any]) -> list[Any]:
    """What a notification brings to a stream: a gap, a payload, both, or nothing if it is not for it.

    Raises RoostError for what does not fit, and what the daemon has ended the stream with.
    """
    if notice.method is UNSET or notice.method not in kinds:
        return []
    tag = _tag.decode(notice.params)
    if tag.subscription != subscription:
        return []
    if tag.error is not None:
        raise tag.error.exception()
    items: list[Any] = [Lagged(tag.lagged)] if tag.lagged else []
    if not tag.lagged or len(_object.decode(notice.params)) > 2:
        items.append(_typed(notice.params, kinds[notice.method]))
    return items


def kinds_of(method: str) -> dict[str, Any]:
    """What a stream's notifications carry, by name."""
    return METHODS[method].notifications


def may_repeat(method: str) -> bool:
    """Whether asking twice is as good as asking once."""
    known = METHODS.get(method)
    return known is not None and not known.mutates
