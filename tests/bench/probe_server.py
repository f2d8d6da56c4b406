"""An HTTP server for the benchmark of probes; prints its port.

`/hang…` is never answered.  Every other path is, and when each came is noted.  Asked for `/report/PERIOD`, it
answers with by how many milliseconds each came later than PERIOD seconds after the one before, and forgets all.
"""

import asyncio
import itertools
import json
import time

seen: dict[str, list[float]] = {}
hanging: list[asyncio.StreamWriter] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    now = time.monotonic()
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode()
        if path.startswith("/hang"):
            await reader.read()  # until the other side has lost patience
        elif path.startswith("/report/"):
            answer = json.dumps(lateness(float(path.rpartition("/")[2]))).encode()
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + answer)
            seen.clear()
        else:
            seen.setdefault(path, []).append(now)
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


def lateness(period: float) -> list[float]:
    return [
        max(0.0, later - earlier - period) * 1000
        for times in seen.values()
        for earlier, later in itertools.pairwise(times)
    ]


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
