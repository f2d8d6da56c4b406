"""The `docker` library, kept at arm's length: made lazily, on a thread, anew after each lost connection.

All methods block and belong on a thread of one's own (calls.Row).  The library's exceptions end here.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from . import faults, podman
from .api import QUICK, EngineError, ErrorKind
from .locate import Endpoint, Tls

if TYPE_CHECKING:
    from docker.api.client import APIClient

T = TypeVar("T")

CONNECTIONS = 16  # kept open between calls
_limits = threading.local()  # how long the call of this thread may wait for its next byte


class Client:
    """One engine, wherever `locate` says that it is at the moment."""

    def __init__(self, locate: Callable[[], Endpoint]) -> None:
        self._locate = locate
        self._lock = threading.Lock()
        self._made: APIClient | None = None
        self._closed = False
        self.endpoint: Endpoint | None = None
        self.version: Mapping[str, Any] = {}
        """What the engine has said of itself (`docker version`)."""

    def call(self, work: Callable[[APIClient], T], limit: float, what: str) -> T:
        """The result of `work`, every read of which waits at most `limit` seconds.  Raises EngineError."""
        _limits.value = limit
        client = self._client(limit, what)
        with self._translated(what, limit):
            return work(client)

    @contextlib.contextmanager
    def _translated(self, what: str, limit: float) -> Iterator[None]:
        from docker.errors import APIError, DockerException
        from requests import exceptions
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        try:
            yield
        except APIError as error:
            status = error.response.status_code if error.response is not None else 500
            raise faults.of_answer(status, str(error.explanation or error), what) from error
        except (exceptions.ReadTimeout, ReadTimeoutError, TimeoutError) as error:
            raise faults.of_silence(what, limit) from error
        except (exceptions.RequestException, HTTPError, OSError) as error:
            if "timed out" in str(error).lower():
                raise faults.of_silence(what, limit) from error
            raise self.lost(error) from error
        except DockerException as error:
            raise EngineError(ErrorKind.REFUSED, f"{what}: {faults.tidy(str(error))}") from error

    def lost(self, error: BaseException) -> EngineError:
        """Forget the connection: the next call looks again where the engine is and what it can do."""
        with self._lock:
            self._made = None
            endpoint = self.endpoint
        if endpoint is None:
            return EngineError(ErrorKind.UNAVAILABLE, faults.plain(str(error)))
        return faults.of_connection(str(error), endpoint.url, endpoint.origin)

    def close(self) -> None:
        """No more calls."""
        with self._lock:
            self._closed = True
            made, self._made = self._made, None
        if made is not None:
            made.close()

    @property
    def is_podman(self) -> bool:
        """Whether Podman answers, which differs in a few details."""
        return podman.is_podman(self.version)

    def _client(self, limit: float, what: str) -> APIClient:
        made = self._made
        if made is not None:
            return made
        if not self._lock.acquire(timeout=limit):  # somebody else is making it, and gets no answer
            raise faults.of_silence(what, limit)
        try:
            if self._closed:
                raise EngineError(ErrorKind.UNAVAILABLE, f"{what}: the daemon is ending")
            if self._made is None:
                self._made = self._make(limit, what)
            return self._made
        finally:
            self._lock.release()

    def _make(self, limit: float, what: str) -> APIClient:
        _import_library()
        self.endpoint = endpoint = self._locate()
        client = self._try(lambda: _sdk_client(endpoint, limit), limit, what)
        self.version = self._try(lambda: client.version(api_version=False), limit, what)
        # Older than what the library knows: the engine's; newer: engines speak older versions, too.
        client._version = str(self.version.get("ApiVersion") or client._version)
        if endpoint.config_file is not None:
            client.reload_config(endpoint.config_file)
        return client

    def _try(self, work: Callable[[], T], limit: float, what: str) -> T:
        """As `call`, while the lock is held."""
        from docker.errors import DockerException
        from requests import exceptions

        endpoint = self.endpoint
        assert endpoint is not None
        try:
            return work()
        except exceptions.ReadTimeout as error:
            raise faults.of_silence(what, limit) from error
        except (exceptions.RequestException, DockerException, OSError, ValueError) as error:
            if "timed out" in str(error).lower():
                raise faults.of_silence(what, limit) from error
            raise faults.of_connection(str(error), endpoint.url, endpoint.origin) from error

    # -- streams -----------------------------------------------------------------------------------------

    def stream(self, path: str, params: Mapping[str, str], what: str, own: bool = False) -> Stream:
        """An answer that goes on (events, logs); waits at most QUICK seconds for its beginning.

        `own`: of Podman's own interface, not of Docker's.
        """

        def begin(client: APIClient) -> Stream:
            below = podman.own_path(self.version) if own else f"/v{client.api_version}"
            response = client.get(
                f"{client.base_url}{below}{path}", params=dict(params), stream=True, timeout=QUICK
            )
            if response.status_code >= 400:
                client._raise_for_status(response)
            return Stream(response, self)

        return self.call(begin, QUICK, what)


class Stream:
    """The body of an answer, block by block."""

    def __init__(self, response: Any, client: Client) -> None:
        self._response = response
        self._client = client
        self._closed = False
        self._socket = socket_of(response)
        if self._socket is not None:
            self._socket.settimeout(None)
        self.is_whole = False
        """Whether the engine has said that this was all; a broken connection ends without it."""

    def __iter__(self) -> Iterator[bytes]:
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield from self._response.raw.stream(65536)
        except (RequestException, HTTPError, OSError, ValueError, AttributeError):
            # A socket that was closed in the middle shows itself in many ways.
            return
        self.is_whole = not self._closed

    def close(self) -> None:
        """End the reading, from any thread."""
        self._closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Give the connection back; only the reading thread may."""
        with contextlib.suppress(Exception):
            self._response.close()


def _import_library() -> None:
    """With all that it needs except what guesses the charset of web pages: 3 MB, for answers that are JSON."""
    if "docker" in sys.modules:
        return
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    unwanted = [name for name in ("chardet", "charset_normalizer") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unwanted))  # type: ignore[arg-type]  # None: as if it were not installed
    try:
        import docker  # noqa: F401
    finally:
        for name in unwanted:
            del sys.modules[name]


def socket_of(response: Any) -> socket.socket | None:
    """The connection below an answer; None where it is no socket (a named pipe)."""
    raw = getattr(getattr(response.raw, "_fp", None), "fp", None)
    found = getattr(getattr(raw, "raw", None), "_sock", None)
    return found if isinstance(found, socket.socket) else None


def _sdk_client(endpoint: Endpoint, limit: float) -> APIClient:
    from docker.api.client import APIClient
    from docker.constants import DEFAULT_DOCKER_API_VERSION

    class Limited(APIClient):  # type: ignore[misc]  # the library has no types
        """Each call waits as long as its thread may."""

        @property
        def timeout(self) -> float:
            return float(getattr(_limits, "value", QUICK))

        @timeout.setter
        def timeout(self, _: float) -> None:
            return  # the library's own default is of no account

    if endpoint.url.startswith("ssh://"):
        raise EngineError(
            ErrorKind.UNAVAILABLE,
            f"{endpoint.url} ({endpoint.origin}): Roost does not speak ssh to an engine; forward its socket "
            "('ssh -L /tmp/docker.sock:/var/run/docker.sock HOST') and set DOCKER_HOST=unix:///tmp/docker.sock",
        )
    client = Limited(
        base_url=endpoint.url,
        version=DEFAULT_DOCKER_API_VERSION,  # a given version: making it does not talk
        timeout=limit,
        tls=_sdk_tls(endpoint.tls),
        max_pool_size=CONNECTIONS,
    )
    if endpoint.url.startswith("unix://"):
        from .transport import Adapter

        client.mount("http+docker://", Adapter("http+" + endpoint.url, limit, max_pool_size=CONNECTIONS))
    return client


def _sdk_tls(tls: Tls | None) -> Any:
    if tls is None:
        return False
    from docker.tls import TLSConfig

    pair = (tls.certificate, tls.key) if tls.certificate and tls.key else None
    return TLSConfig(client_cert=pair, ca_cert=tls.ca, verify=tls.verify)
