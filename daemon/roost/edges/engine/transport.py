"""The library's way over a Unix socket, which leaves a socket open whenever nobody listens; this one does not."""

from __future__ import annotations

import socket
from typing import Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool


class Connection(UnixHTTPConnection):  # type: ignore[misc]  # the library has no types
    def connect(self) -> None:
        sock = socket.socket(socket.AddressFamily["AF_UNIX"], socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self.unix_socket)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def _new_conn(self) -> Connection:
        return Connection(self.base_url, self.socket_path, self.timeout)


class Adapter(UnixHTTPAdapter):  # type: ignore[misc]
    """Give it to `APIClient.mount`."""

    def get_connection(self, url: str, proxies: Any = None) -> Pool:
        with self.pools.lock:
            pool: Pool | None = self.pools.get(url)
            if pool is None:
                pool = Pool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools[url] = pool
        return pool
