"""Two hundred clients of one daemon: calls, streams, rubbish, clients that vanish and clients that do not read.

    many_clients.py SOCKET SECONDS [NAME...]

Checks every answer against what JSON-RPC 2.0 and the contract say.  Prints one JSON object: what was done, by
kind, and the wrong answers (the first of them in full).  It knows no code of Roost.
"""

import asyncio
import collections
import json
import random
import sys
import time

SOCKET, SECONDS, NAMES = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
CALLERS, STREAMERS, RUBBISH, VANISHING, DEAF = 110, 40, 30, 15, 5
PAUSE = 0.5  # seconds between two requests of one client, on average
TOO_LONG = 1_200_000
MOST = 4 * 1024 * 1024  # bytes of one line

done: collections.Counter[str] = collections.Counter()
wrong: list[str] = []
until = time.monotonic() + SECONDS


def check(right: bool, kind: str, *seen: object) -> None:
    done[kind] += 1
    if not right:
        wrong.append(f"{kind}: " + " ".join(repr(one)[:300] for one in seen))


class Line:
    """A connection; requests and answers in order."""

    async def open(self) -> "Line":
        self.reader, self.writer = await asyncio.open_unix_connection(SOCKET, limit=MOST)
        self.number = 0
        return self

    async def send(self, data: bytes) -> None:
        self.writer.write(data + b"\n")
        await self.writer.drain()

    async def read(self) -> object:
        async with asyncio.timeout(60):
            return json.loads(await self.reader.readline())

    async def ask(self, method: str, params: object = None) -> dict:
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method}
        await self.send(json.dumps(request if params is None else {**request, "params": params}).encode())
        while True:
            answer = await self.read()
            if isinstance(answer, dict) and "id" in answer and "method" not in answer:
                return answer

    def close(self) -> None:
        self.writer.close()


async def rest() -> None:
    await asyncio.sleep(random.uniform(0, 2 * PAUSE))


def code(answer: object) -> object:
    return answer.get("error", {}).get("code") if isinstance(answer, dict) else None


# -- those who ask ----------------------------------------------------------------------------------------


async def ping(line: Line) -> None:
    answer = await line.ask("ping")
    check(answer == {"jsonrpc": "2.0", "id": line.number, "result": {"pong": True}}, "ping", answer)


async def get(line: Line) -> None:
    name = random.choice(NAMES)
    answer = await line.ask("component.get", {"name": name})
    right = answer["id"] == line.number and answer.get("result", {}).get("name") == name
    check(right, "component.get", name, answer)


async def nobody(line: Line) -> None:
    answer = await line.ask("component.get", ["nobody"])
    check(code(answer) == -32001 and answer["id"] == line.number, "no such component", answer)


async def no_method(line: Line) -> None:
    answer = await line.ask("component.fly")
    check(code(answer) == -32601 and answer["id"] == line.number, "no such method", answer)


async def no_params(line: Line) -> None:
    answer = await line.ask("component.get", {"nom": "x"})
    check(code(answer) == -32602 and answer["id"] == line.number, "invalid params", answer)


async def status(line: Line) -> None:
    answer = await line.ask("project.status")
    shown = [one["name"] for one in answer.get("result", {}).get("components", [])]
    check(shown == NAMES, "project.status", answer)


async def logs(line: Line) -> None:
    name = random.choice(NAMES)
    answer = await line.ask("logs.query", {"names": [name], "lines": 20})
    entries = answer.get("result", {}).get("entries")
    check(bool(entries) and all(one["name"] == name for one in entries), "logs.query", answer)


async def batch(line: Line) -> None:
    calls = [{"jsonrpc": "2.0", "id": f"b{n}", "method": "ping"} for n in range(5)]
    mixed = [*calls, {"jsonrpc": "2.0", "method": "ping"}, 1]
    await line.send(json.dumps(mixed).encode())
    answers = await line.read()
    well = isinstance(answers, list) and len(answers) == 6  # the notification has none
    ids = sorted(str(one["id"]) for one in answers) if well else []
    check(ids == ["None", "b0", "b1", "b2", "b3", "b4"], "batch", answers)


async def caller() -> None:
    line = await Line().open()
    while time.monotonic() < until:
        what = random.choice((ping, ping, get, get, nobody, no_method, no_params, status, logs, batch))
        await what(line)
        await rest()
    line.close()


# -- those who listen -------------------------------------------------------------------------------------


async def streamer() -> None:
    line = await Line().open()
    method = random.choice(("logs.stream", "events.stream", "status.stream"))
    answer = await line.ask(method)
    subscription = answer.get("result", {}).get("subscription")
    check(subscription is not None, method, answer)
    prefix = method.partition(".")[0]
    while time.monotonic() < until:
        try:
            async with asyncio.timeout(1):
                notice = json.loads(await line.reader.readline())
        except TimeoutError:
            continue
        right = notice.get("params", {}).get("subscription") == subscription
        check(right and notice.get("method", "").startswith(prefix), f"of {method}", notice)
    line.close()


# -- those who misbehave ----------------------------------------------------------------------------------

BROKEN = (
    (b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700),
    (b'\xff\xfe{"jsonrpc"', -32700),
    (b"[" * 2000, -32700),
    (b"[]", -32600),
    (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600),
    (b'{"jsonrpc": "1.0", "id": 4, "method": "ping"}', -32600),
    (b"null", -32600),
    (b'"ping"', -32600),
)


async def rubbish() -> None:
    line = await Line().open()
    while time.monotonic() < until:
        if random.random() < 0.02:
            await line.send(b"x" * TOO_LONG)
            answer = await line.read()
            check(code(answer) == -32600 and answer["id"] is None, "too large", answer)
        else:
            data, expected = random.choice(BROKEN)
            await line.send(data)
            answer = await line.read()
            check(code(answer) == expected, "rubbish", data, answer)
        await ping(line)  # the connection goes on
        await rest()
    line.close()


async def vanishing() -> None:
    while time.monotonic() < until:
        line = await Line().open()
        line.writer.write(b'{"jsonrpc": "2.0", "id": 1, "method": "project.status"}\n{"jsonr')
        done["vanished"] += 1
        await asyncio.sleep(random.uniform(0, 0.05))
        line.writer.transport.abort()
        await rest()


async def deaf() -> None:
    line = await Line().open()
    line.writer.write(b'{"jsonrpc": "2.0", "id": 1, "method": "logs.stream"}\n')
    request = b'{"jsonrpc": "2.0", "id": 2, "method": "project.status"}\n'
    while time.monotonic() < until:
        line.writer.write(request * 20)  # more answers than it will ever read
        done["unread"] += 20
        await asyncio.sleep(1)
    line.writer.transport.abort()


async def main() -> None:
    crowd = [
        (caller, CALLERS),
        (streamer, STREAMERS),
        (rubbish, RUBBISH),
        (vanishing, VANISHING),
        (deaf, DEAF),
    ]
    tasks = [asyncio.create_task(one()) for one, count in crowd for _ in range(count)]
    for task in asyncio.as_completed(tasks):
        try:
            await task
        except Exception as error:  # noqa: BLE001 - whatever happens to a client is a finding
            wrong.append(f"a client ended: {error!r}")
    print(json.dumps({"done": done, "wrong": len(wrong), "first": wrong[:10]}))


asyncio.run(main())
