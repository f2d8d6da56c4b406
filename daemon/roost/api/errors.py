"""The errors of the interface: one exception, one table of kinds, one constructor for each.  Pure.

Codes and kinds are those of INTERFACES.md §6.  A program reads the kind, a person the message and the hint.
"""

from __future__ import annotations

from collections.abc import Collection

CODES: dict[str, int] = {
    # JSON-RPC 2.0, section 5.1
    "parse_error": -32700,
    "invalid_request": -32600,
    "too_large": -32600,
    "no_such_method": -32601,
    "invalid_params": -32602,
    "internal": -32603,
    # ours, in the range that the specification leaves to servers
    "failed": -32000,
    "no_such_component": -32001,
    "invalid_config": -32002,
    "timeout": -32003,
    "conflict": -32004,
    "not_ready": -32005,
    "too_many_requests": -32006,
    "too_many_connections": -32007,
    "shutting_down": -32008,
}
"""Every kind of error and the code that goes with it.  Kinds are only ever added."""

_HINTS = {
    "invalid_request": "rpc.discover lists the methods and what they take",
    "invalid_params": "rpc.discover lists the methods and what they take",
    "failed": "roost why NAME and roost logs NAME may say more",
    "timeout": "everything goes on; look again with: roost status",
    "conflict": "see how it stands with: roost status",
    "not_ready": "see how it stands with: roost status",
}
"""What to do where nothing better is said: every error has a hint."""

_COMPARED_AT_MOST = 256  # comparing costs microseconds a name, and a flood of wrong names must stay cheap


class RpcError(Exception):
    """An answer that is an error.  `kind` is one of CODES; `hint` says what to do."""

    def __init__(self, kind: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = CODES[kind]
        self.message = message
        self.hint = hint or _HINTS.get(kind)


def parse_error(why: str) -> RpcError:
    """What came is not JSON."""
    return RpcError("parse_error", f"not JSON: {why}", "send one JSON-RPC 2.0 message a line, in UTF-8")


def invalid_request(why: str) -> RpcError:
    """What came is JSON, but not a request."""
    return RpcError("invalid_request", f"not a JSON-RPC 2.0 request: {why}")


def too_large(what: str, limit: int) -> RpcError:
    """A message, a batch or an answer over its limit (in what `what` says it is counted in)."""
    return RpcError("too_large", f"{what} is over the limit of {limit}", "split it into smaller ones")


def no_such_method(name: str, known: Collection[str]) -> RpcError:
    """There is no method of this name here."""
    hint = suggestion(name, known) or "rpc.discover lists the methods"
    return RpcError("no_such_method", f"there is no method {name[:100]!r}", hint)


def invalid_params(method: str, why: str, hint: str | None = None) -> RpcError:
    """The parameters do not fit the method."""
    return RpcError("invalid_params", f"{method}: {why}", hint)


def internal(method: str) -> RpcError:
    """A defect of ours; what it was is in the daemon's log, never in the answer."""
    hint = "its log says more: roost daemon logs; please report it"
    return RpcError("internal", f"{method}: the daemon made an error", hint)


def failed(message: str, hint: str | None = None) -> RpcError:
    """It was tried and did not work."""
    return RpcError("failed", message, hint)


def no_such_component(name: str, known: Collection[str], hint: str | None = None) -> RpcError:
    """No component, and no group of replicas, has this name."""
    hint = hint or suggestion(name, known) or "roost status lists the components"
    return RpcError("no_such_component", f"there is no component {name[:100]!r}", hint)


def invalid_config(message: str, hint: str | None = "roost check shows every problem") -> RpcError:
    """roost.yaml cannot be used; `message` has the problems, one a line."""
    return RpcError("invalid_config", message, hint)


def timed_out(message: str, hint: str | None = None) -> RpcError:
    """What was waited for did not come in time; nothing was undone."""
    return RpcError("timeout", message, hint)


def conflict(message: str, hint: str | None = None) -> RpcError:
    """It cannot be done in the present state, or while something else is being done."""
    return RpcError("conflict", message, hint)


def not_ready(message: str, hint: str | None = None) -> RpcError:
    """Something that is needed is failed or was stopped by a person (S84)."""
    return RpcError("not_ready", message, hint)


def too_many_requests(limit: int) -> RpcError:
    """This connection has as many requests in flight as it may have."""
    message = f"{limit} requests of this connection are in flight"
    return RpcError("too_many_requests", message, "wait for an answer first")


def too_many_connections(limit: int) -> RpcError:
    """The daemon has as many connections as it may have."""
    return RpcError("too_many_connections", f"{limit} connections are open", "close one, or share one")


def shutting_down() -> RpcError:
    """The daemon is on its way out."""
    return RpcError("shutting_down", "the daemon is shutting down", "start it again with: roost up")


def suggestion(name: str, known: Collection[str]) -> str | None:
    """`did you mean 'api'?` when one of the known names is near."""
    if len(known) > _COMPARED_AT_MOST:
        return None
    import difflib  # rarely needed

    near = difflib.get_close_matches(name[:100], known, 1)
    return f"did you mean {near[0]!r}?" if near else None
