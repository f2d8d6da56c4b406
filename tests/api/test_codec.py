"""JSON-RPC 2.0 as the specification has it, line by line (S37, S38, P20)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.api import codec, errors
from roost.api import types as t
from roost.api.codec import Batch, Invalid, Notification, Raw, Request
from roost.api.errors import RpcError


def answer(line: bytes) -> Any:
    """What a server with the methods of the specification's examples answers to a line; None for nothing."""
    message = codec.parse(line)
    if isinstance(message, Batch):
        answers = [given for call in message.calls if (given := _one(call)) is not None]
        return json.loads(codec.encode_batch(answers)) if answers else None
    given = _one(message)
    return None if given is None else json.loads(given)


def _one(call: codec.Call) -> bytes | None:
    if isinstance(call, Invalid):
        return codec.encode_error(call.id, call.error)
    result = _METHODS.get(call.method)
    if isinstance(call, Notification):
        return None
    if result is None:
        return codec.encode_error(call.id, errors.no_such_method(call.method, _METHODS))
    return codec.encode_result(call.id, result(json.loads(bytes(call.params)) if call.params else None))


_METHODS: dict[str, Any] = {
    "subtract": lambda p: p["minuend"] - p["subtrahend"] if isinstance(p, dict) else p[0] - p[1],
    "sum": lambda p: sum(p),
    "get_data": lambda _p: ["hello", 5],
    "update": lambda _p: None,
    "notify_sum": lambda _p: None,
    "notify_hello": lambda _p: None,
}


def result(value: Any, identity: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value, "id": identity}


def error(code: int, identity: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": code, "id": identity}


def codes_only(value: Any) -> Any:
    """An answer with each error object replaced by its code: texts are the server's own."""
    if isinstance(value, list):
        return [codes_only(one) for one in value]
    if isinstance(value, dict) and "error" in value:
        assert isinstance(value["error"]["message"], str)
        return {**value, "error": value["error"]["code"]}
    return value


SPECIFICATION: list[tuple[str, str, Any]] = [
    ("positional", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', result(19, 1)),
    (
        "positional again",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        result(-19, 2),
    ),
    (
        "named",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        result(19, 3),
    ),
    (
        "named, other order",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        result(19, 4),
    ),
    ("notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("notification of nothing", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    ("no such method", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, "1")),
    ("invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700)),
    ("invalid request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600)),
    (
        "batch, invalid JSON",
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
        error(-32700),
    ),
    ("empty array", "[]", error(-32600)),
    ("invalid batch of one", "[1]", [error(-32600)]),
    ("invalid batch", "[1,2,3]", [error(-32600)] * 3),
    (
        "batch",
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
        ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
        ' {"foo": "boo"},'
        ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
        ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
        [
            result(7, "1"),
            result(19, "2"),
            error(-32600),
            error(-32601, "5"),
            result(["hello", 5], "9"),
        ],
    ),
    (
        "batch of notifications",
        '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
        None,
    ),
]


@pytest.mark.parametrize(
    ("line", "wanted"), [row[1:] for row in SPECIFICATION], ids=[row[0] for row in SPECIFICATION]
)
def test_the_examples_of_the_specification(line: str, wanted: Any) -> None:
    """Every example of JSON-RPC 2.0, section 7, is answered as it says (S37, S38)."""
    assert codes_only(answer(line.encode())) == wanted


@pytest.mark.parametrize(
    "identity", ["1", '"a"', '""', "null", "1.5", "-0.0", "0", "-3", str(10**30), '"\\u00e4\\n"', "1e3"]
)
def test_an_id_is_echoed_as_it_came(identity: str) -> None:
    """Strings, numbers and null are ids, whatever their size (section 4)."""
    message = codec.parse(b'{"jsonrpc":"2.0","method":"m","id":%s}' % identity.encode())
    assert isinstance(message, Request)
    assert json.loads(codec.encode_result(message.id, 1))["id"] == json.loads(identity)


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"method":"m","id":7}', 7),
        (b'{"jsonrpc":"1.0","method":"m","id":7}', 7),
        (b'{"jsonrpc":2.0,"method":"m","id":7}', 7),
        (b'{"jsonrpc":"2.0","id":"x"}', "x"),
        (b'{"jsonrpc":"2.0","method":null,"id":7}', 7),
        (b'{"jsonrpc":"2.0","method":"m","params":1,"id":7}', 7),
        (b'{"jsonrpc":"2.0","method":"m","params":null,"id":7}', 7),
        (b'{"jsonrpc":"2.0","method":"m","params":"text"}', None),
        (b'{"jsonrpc":"2.0","method":"m","id":true}', None),
        (b'{"jsonrpc":"2.0","method":"m","id":[1]}', None),
        (b'{"jsonrpc":"2.0","method":"m","id":{}}', None),
        (b"{}", None),
        (b"1", None),
        (b'"text"', None),
        (b"null", None),
        (b"true", None),
    ],
)
def test_what_is_no_request_is_refused_with_its_id_where_it_has_one(line: bytes, identity: Any) -> None:
    """JSON that is no request: -32600, with the id if one can be read, else null (section 5)."""
    message = codec.parse(line)
    assert isinstance(message, Invalid)
    assert (message.error.code, message.error.kind, message.id) == (-32600, "invalid_request", identity)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"jsonrpc":"2.0","method":1,',
        b'{"jsonrpc":"2.0","method":"m","params":{"a":"\xff"},"id":1}',
        b'{"jsonrpc":"2.0","method":"\xc3","id":1}',
        b'{"jsonrpc":"2.0","method":"m","id":NaN}',
        b'{"jsonrpc":"2.0","method":"m","id":1} {}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","method":"m","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"'single'",
        b"\x00",
    ],
)
def test_what_is_no_json_is_a_parse_error(line: bytes) -> None:
    """Broken JSON, bytes that are not UTF-8 and bottomless nesting: -32700 with id null (P20)."""
    message = codec.parse(line)
    assert isinstance(message, Invalid)
    assert (message.error.code, message.id) == (-32700, None)


def test_a_batch_has_a_limit() -> None:
    """A batch of more than MAX_BATCH calls is refused as a whole, by one error."""
    line = b"[" + b",".join([b"1"] * (codec.MAX_BATCH + 1)) + b"]"
    message = codec.parse(line)
    assert isinstance(message, Invalid)
    assert (message.error.code, message.error.kind) == (-32600, "too_large")
    whole = codec.parse(b"[" + b",".join([b"1"] * codec.MAX_BATCH) + b"]")
    assert isinstance(whole, Batch)
    assert len(whole.calls) == codec.MAX_BATCH


def test_members_that_nobody_knows_do_no_harm() -> None:
    """A request may have other members, in any order, and space around them."""
    message = codec.parse(
        b' { "x": [1], "id": 1, "params" : \t{"a": 1} , "method": "m", "jsonrpc": "2.0" }\r'
    )
    assert isinstance(message, Request)
    assert message.params is not None
    assert json.loads(bytes(message.params)) == {"a": 1}


# -- parameters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b'{"names":["a"]}', t.NamesParams(names=["a"])),
        (b'{"names":["a"],"wait":false,"timeout":2}', t.NamesParams(names=["a"], wait=False, timeout=2.0)),
        (b'[["a"]]', t.NamesParams(names=["a"])),
        (b'[["a"],false,1.5]', t.NamesParams(names=["a"], wait=False, timeout=1.5)),
    ],
)
def test_parameters_come_by_name_or_by_position(raw: bytes, wanted: t.NamesParams) -> None:
    """An object gives parameters by name, an array in the order of the table (section 4.2)."""
    assert codec.decode_params("component.start", t.NamesParams, Raw(raw)) == wanted


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (None, "missing parameter `names`"),
        (b"{}", "missing parameter `names`"),
        (b"[]", "missing parameter `names`"),
        (b'{"names":["a"],"tiemout":1}', "unknown parameter `tiemout`"),
        (b'{"names":"a"}', "`names`: expected `array`, got `str`"),
        (b'{"names":[1]}', "`names[0]`: expected `str`, got `int`"),
        (b'{"names":[]}', "`names`: expected `array` of length >= 1"),
        (b'[["a"],"yes"]', "`wait`: expected `bool`, got `str`"),
        (b'[["a"],true,-1]', "`timeout`: expected `float` >= 0.0"),
        (b'[["a"],true,1,1]', "4 parameters, but it takes at most 3"),
    ],
)
def test_wrong_parameters_are_named(raw: bytes | None, said: str) -> None:
    """-32602 says which parameter is wrong and why, and the hint lists those that there are."""
    with pytest.raises(RpcError) as caught:
        codec.decode_params("component.start", t.NamesParams, None if raw is None else Raw(raw))
    assert caught.value.code == -32602
    assert caught.value.message == f"component.start: {said}"
    assert caught.value.hint == "parameters: names, wait?, timeout?"


# -- writing -------------------------------------------------------------------------------------------


def test_an_error_carries_kind_and_hint() -> None:
    """Errors of ours have a code of their own range and `data: {kind, hint}` (INTERFACES.md §6)."""
    written = json.loads(codec.encode_error(4, errors.no_such_component("ap", ["api", "db"])))
    assert written == {
        "jsonrpc": "2.0",
        "error": {
            "code": -32001,
            "message": "there is no component 'ap'",
            "data": {"kind": "no_such_component", "hint": "did you mean 'api'?"},
        },
        "id": 4,
    }


def test_every_kind_has_its_code() -> None:
    """Our kinds have codes from -32000 to -32099, each its own; the others those of the specification."""
    ours = [code for code in errors.CODES.values() if -32099 <= code <= -32000]
    assert len(ours) == len(set(ours)) == 9
    assert set(errors.CODES.values()) - set(ours) == {-32700, -32600, -32601, -32602, -32603}


def test_a_text_that_is_not_unicode_is_still_an_answer() -> None:
    """A path whose bytes are not UTF-8 arrives with replacement characters instead of failing (P20)."""
    line = codec.encode_result(1, t.Cleared(cleared=["caf\udce9", "ok"]))
    assert json.loads(line)["result"] == {"cleared": ["caf?", "ok"]}


def test_a_payload_is_tagged_without_being_encoded_again() -> None:
    """What was encoded once for many readers gets each one's own fields in front."""
    assert (
        bytes(codec.tagged(Raw(b'{"a":1}'), subscription="s", lagged=2))
        == b'{"subscription":"s","lagged":2,"a":1}'
    )
    assert bytes(codec.tagged({}, id=1)) == b'{"id":1}'


# -- fuzz ----------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_REQUESTLIKE = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _JSON,
        "method": st.text() | _JSON,
        "params": _JSON,
        "id": st.integers() | st.text() | _JSON,
    },
)


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=200)
    | (_REQUESTLIKE | st.lists(_REQUESTLIKE) | _JSON).map(lambda v: json.dumps(v).encode())
)
def test_no_bytes_make_the_codec_raise(line: bytes) -> None:
    """Whatever comes is a call, a batch, or an error to answer with (500 examples; P20)."""
    written = answer_to_anything(line)
    for one in written if isinstance(written, list) else [written]:
        assert one is None or (one["jsonrpc"] == "2.0" and "id" in one)


def answer_to_anything(line: bytes) -> Any:
    """As `answer`, but every method is a stranger."""
    message = codec.parse(line)
    calls = message.calls if isinstance(message, Batch) else [message]
    found = [
        json.loads(
            codec.encode_error(call.id, call.error if isinstance(call, Invalid) else errors.shutting_down())
        )
        for call in calls
        if not isinstance(call, Notification)
    ]
    return found if isinstance(message, Batch) else (found[0] if found else None)


@settings(max_examples=300, deadline=None)
@given(_REQUESTLIKE)
def test_the_codec_agrees_with_the_rules(value: dict[str, Any]) -> None:
    """A request is one exactly if each member is what section 4 asks for (300 examples)."""
    identity = value.get("id")
    fits = (
        value.get("jsonrpc") == "2.0"
        and isinstance(value.get("method"), str)
        and isinstance(value.get("params", {}), dict | list)
        and not isinstance(identity, bool)
        and isinstance(identity, int | float | str | None)
    )
    message = codec.parse(json.dumps(value).encode())
    assert isinstance(message, (Request if "id" in value else Notification) if fits else Invalid)


@pytest.mark.parametrize("make", [errors.failed, errors.timed_out, errors.conflict, errors.not_ready])
def test_every_error_of_ours_says_what_to_do(make: Any) -> None:
    """INTERFACES.md §6: `data` has a kind and a hint, also where nobody thought of a better one."""
    assert make("it did not work").hint
    assert make("it did not work", "do this").hint == "do this"
