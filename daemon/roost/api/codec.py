"""JSON-RPC 2.0 as bytes and values: reads lines, writes lines.  Pure; knows no socket and no method.

Theory
------
A line is one message: a request, a notification (a request without an id), or a batch of both.  What is not
one of these becomes `Invalid`, which carries the error to answer with; `parse` never raises.  The id is
echoed exactly as it came (string, number or null); where an invalid request has no usable id, the answer's id
is null, as section 5 of the specification says.

The fast path decodes straight into `_Envelope`; only a message that does not fit is looked at again to find
out what is wrong with it.  `params` stay undecoded until the method, and with it their type, is known.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from . import errors
from .errors import RpcError

Id = int | float | str | None

MAX_BATCH = 1024
"""Elements in one batch: its answers are collected in memory before they are sent."""


class Request(Struct, frozen=True):
    """A call that wants an answer."""

    method: str
    params: Raw | None
    id: Id


class Notification(Struct, frozen=True):
    """A call that wants none, not even an error."""

    method: str
    params: Raw | None

    @property
    def id(self) -> None:
        """It has none."""


class Invalid(Struct, frozen=True):
    """What cannot be carried out; `error` is the answer."""

    error: RpcError
    id: Id = None


Call = Request | Notification | Invalid


class Batch(Struct, frozen=True):
    """Several calls, answered together by one array, or by nothing if none of them wants an answer."""

    calls: list[Call]


Message = Call | Batch


class _Envelope(Struct):
    jsonrpc: Literal["2.0"]
    method: str
    params: Raw | UnsetType = UNSET
    id: int | float | str | UnsetType | None = UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_elements = msgspec.json.Decoder(list[Raw])
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()

_STRUCTURED = (0x7B, 0x5B)  # { and [
_ARRAY = 0x5B


# -- reading -------------------------------------------------------------------------------------------


def parse(line: bytes) -> Message:
    """One line, with or without its newline, as a message."""
    try:
        if not line.isascii():
            line.decode()  # msgspec does not look into strings that it skips
        return _call(_envelope.decode(line))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _second_look(line)


def _call(envelope: _Envelope) -> Call:
    params: Raw | None = None
    if envelope.params is not UNSET:
        params = envelope.params
        if memoryview(params)[0] not in _STRUCTURED:
            identity = None if envelope.id is UNSET else envelope.id
            return Invalid(errors.invalid_request("`params` must be an object or an array"), identity)
    if envelope.id is UNSET:
        return Notification(envelope.method, params)
    return Request(envelope.method, params, envelope.id)


def _second_look(line: bytes) -> Message:
    """A batch, or what is wrong with a line that is no request."""
    try:
        line.decode()
        value = _anything.decode(line)
    except RecursionError:
        return Invalid(errors.parse_error("nested too deeply"))
    except UnicodeDecodeError:
        return Invalid(errors.parse_error("it is not UTF-8"))
    except (msgspec.DecodeError, ValueError) as error:
        return Invalid(errors.parse_error(str(error).removeprefix("JSON is malformed: ")))
    if isinstance(value, list):
        return _batch(line)
    return _wrong(value)


def _batch(line: bytes) -> Message:
    elements = _elements.decode(line)
    if not elements:
        return Invalid(errors.invalid_request("the batch is empty"))
    if len(elements) > MAX_BATCH:
        return Invalid(errors.too_large(f"a batch of {len(elements)} calls", MAX_BATCH))
    return Batch([_element(bytes(element)) for element in elements])


def _element(text: bytes) -> Call:
    try:
        return _call(_envelope.decode(text))
    except (msgspec.DecodeError, ValueError):
        return _wrong(_anything.decode(text))


def _wrong(value: object) -> Invalid:
    """Why a JSON value is no request."""
    if not isinstance(value, dict):
        return Invalid(errors.invalid_request("it is not an object"))
    identity = value.get("id")
    if isinstance(identity, bool) or not isinstance(identity, int | float | str | None):
        return Invalid(errors.invalid_request("`id` must be a string, a number or null"))
    if value.get("jsonrpc") != "2.0":
        why = '`jsonrpc` must be "2.0"'
    elif "method" not in value:
        why = "`method` is missing"
    else:
        why = "`method` must be a string"
    return Invalid(errors.invalid_request(why), identity)


# -- parameters ----------------------------------------------------------------------------------------


@functools.cache
def _decoder(params: type[Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(params)


def decode_params(method: str, params: type[Struct], raw: Raw | None) -> Struct:
    """The parameters of a call as their type: by name from an object, by position from an array.

    Raises RpcError of kind `invalid_params`, which names the parameter.
    """
    text: bytes | Raw = raw if raw is not None else b"{}"
    try:
        if memoryview(text)[0] == _ARRAY:
            return _positional(params, text)
        decoded: Struct = _decoder(params).decode(text)
        return decoded
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise errors.invalid_params(method, _explain(str(error)), _usage(params)) from None


def _positional(params: type[Struct], text: bytes | Raw) -> Struct:
    values = _anything.decode(text)
    names = params.__struct_fields__
    if len(values) > len(names):
        raise msgspec.ValidationError(f"{len(values)} parameters, but it takes at most {len(names)}")
    return msgspec.convert(dict(zip(names, values, strict=False)), params)


def _explain(message: str) -> str:
    """msgspec's sentence in the words of a caller: "`names`: expected `array`, got `str`"."""
    what, _, place = message.partition(" - at `$")
    what = what.replace("Object missing required field", "missing parameter")
    what = what.replace("Object contains unknown field", "unknown parameter")
    what = what[:1].lower() + what[1:]
    place = place.rstrip("`").lstrip(".")
    return f"`{place}`: {what}" if place else what


def _usage(params: type[Struct]) -> str:
    """`parameters: names, wait?, timeout?`"""
    fields = msgspec.structs.fields(params)
    if not fields:
        return "it takes no parameters"
    return "parameters: " + ", ".join(one.name + ("" if one.required else "?") for one in fields)


# -- writing -------------------------------------------------------------------------------------------


class _Result(Struct):
    jsonrpc: str
    result: Any
    id: Id


class _Data(Struct, omit_defaults=True):
    kind: str
    hint: str | None = None


class _ErrorObject(Struct):
    code: int
    message: str
    data: _Data


class _Error(Struct):
    jsonrpc: str
    error: _ErrorObject
    id: Id


class _Notice(Struct):
    jsonrpc: str
    method: str
    params: Any


class _Call(Struct, omit_defaults=True):
    jsonrpc: str
    method: str
    id: Id | UnsetType = UNSET
    params: Any = UNSET


def encode_result(identity: Id, result: object) -> bytes:
    """The answer to a request, without its newline.  Raises TypeError for what JSON cannot hold."""
    return _encode(_Result("2.0", result, identity))


def encode_error(identity: Id, error: RpcError) -> bytes:
    """The answer to a request that failed, without its newline."""
    body = _ErrorObject(error.code, error.message, _Data(error.kind, error.hint))
    return _encode(_Error("2.0", body, identity))


def encode_batch(answers: list[bytes]) -> bytes:
    """The answers of one batch as one array."""
    return b"[" + b",".join(answers) + b"]"


def notification(method: str, params: object) -> bytes:
    """A message that wants no answer, without its newline."""
    return _encode(_Notice("2.0", method, params))


def request(identity: Id, method: str, params: object = UNSET) -> bytes:
    """A call, without its newline; what a client sends."""
    return _encode(_Call("2.0", method, identity, params))


def tagged(payload: object, **extra: Id) -> Raw:
    """The object that `payload` encodes to, with more fields in front: `{"subscription": …, …}`.

    `payload` may be a Struct, a dict, or Raw bytes that were encoded once for many readers.
    """
    head = _encode(extra)
    body = payload if isinstance(payload, Raw) else _encode(payload)
    inner = bytes(body)[1:]
    return Raw(head[:-1] + (b"" if inner == b"}" else b",") + inner)


def _encode(value: object) -> bytes:
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:  # a path that is not UTF-8 came in as lone surrogates
        return _encoder.encode(_replaced(msgspec.to_builtins(value, str_keys=True)))


def _replaced(value: object) -> object:
    """Builtins with every lone surrogate replaced, because UTF-8 has no bytes for them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_replaced(key): _replaced(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item) for item in value]
    return value
