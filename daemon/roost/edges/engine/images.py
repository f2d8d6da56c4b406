"""Fetching and building images, with progress in short lines.  Blocking, on a thread of its own.

Both may take as long as they like while something arrives; where nothing does for STALLED seconds, they fail.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import faults, seen
from .api import QUICK, Build, EngineError, ErrorKind, ImageSeen, Pull
from .client import Client

if TYPE_CHECKING:
    from docker.api.client import APIClient

STALLED = 120.0
SAY_EVERY = 0.5  # seconds of a monotonic clock
_LAST_LINES = 12
_MB = 1_000_000

Say = Callable[[str], None]


def image(client: Client, reference: str, limit: float = QUICK) -> ImageSeen:
    """An image that is there."""
    return seen.image(client.call(lambda sdk: sdk.inspect_image(reference), limit, f"image {reference}"))


def ensure(client: Client, reference: str, pull: Pull, say: Say, now: Callable[[], float]) -> ImageSeen:
    """The image, fetched where `pull` says so."""
    if pull is not Pull.ALWAYS:
        try:
            return image(client, reference)
        except EngineError as error:
            if error.kind is not ErrorKind.NO_SUCH_IMAGE:
                raise
            if pull is Pull.NEVER:
                raise EngineError(
                    ErrorKind.NO_SUCH_IMAGE,
                    f"image {reference} is not on the engine, and `pull: never` forbids to fetch it "
                    f"(docker pull {reference})",
                ) from error
    _pull(client, reference, say, now)
    return image(client, reference)


def _pull(client: Client, reference: str, say: Say, now: Callable[[], float]) -> None:
    what = f"pulling {reference}"
    name, tag = split(reference)
    progress = PullProgress(reference, say, now)

    def pull(sdk: APIClient) -> None:
        reason = None
        for line in sdk.pull(
            name, tag=tag, stream=True, decode=True
        ):  # to its end, or a connection is left open
            reason = line.get("error", reason)
            progress.heard(line)
        if reason is not None:
            raise faults.of_answer(500, str(reason), what)

    say(what)
    try:
        client.call(pull, STALLED, what)
    except EngineError as error:
        raise _as_pull_fault(error) from error


def _as_pull_fault(error: EngineError) -> EngineError:
    """What an engine says with 404 of a pull is about the image."""
    if error.kind is ErrorKind.REFUSED and re.search(r"not found|404", error.message, re.IGNORECASE):
        return EngineError(ErrorKind.NO_SUCH_IMAGE, f"{error.message} (check name and tag in `image`)")
    return error


def split(reference: str) -> tuple[str, str]:
    """Name and tag (or digest) of an image reference; `latest` where none is given."""
    reference, _, digest = reference.partition("@")
    folder, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, digest or tag or "latest"


class PullProgress:
    """Adds up the layers of a pull; says how far it is, not too often."""

    def __init__(self, reference: str, say: Say, now: Callable[[], float]) -> None:
        self._reference = reference
        self._say = say
        self._now = now
        self._layers: dict[str, tuple[int, int]] = {}
        self._said_at = 0.0
        self._said = ""

    def heard(self, line: Mapping[str, Any]) -> None:
        """One message of the engine."""
        layer, detail = str(line.get("id", "")), line.get("progressDetail") or {}
        total = int(detail.get("total") or 0)
        if line.get("status") == "Downloading" and total:
            self._layers[layer] = int(detail.get("current") or 0), total
        elif line.get("status") in ("Download complete", "Pull complete") and layer in self._layers:
            whole = self._layers[layer][1]
            self._layers[layer] = whole, whole
        now = self._now()
        text = self._text()
        if text != self._said and now - self._said_at >= SAY_EVERY:
            self._said_at, self._said = now, text
            self._say(text)

    def _text(self) -> str:
        have = sum(current for current, _ in self._layers.values())
        total = sum(total for _, total in self._layers.values())
        if not total:
            return f"pulling {self._reference}"
        return f"pulling {self._reference}: {have / _MB:.0f} of {total / _MB:.0f} MB"


def build(client: Client, order: Build, say: Say) -> ImageSeen:
    """Send the context, build, tag."""
    what = f"building {order.tag} in {order.context}"
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def run(sdk: APIClient) -> None:
        stream = sdk.build(
            path=order.context,
            dockerfile=order.dockerfile,
            tag=order.tag,
            buildargs=dict(order.args) or None,
            target=order.target or "",
            labels=dict(order.labels) or None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        reason = None
        for line in stream:  # to its end, or a connection is left open
            reason = line.get("error", reason)
            for text in str(line.get("stream", "")).splitlines():
                if text.strip():
                    last.append(text)
                    say(text)
        if reason is not None:
            raise EngineError(ErrorKind.REFUSED, f"{what}: {faults.tidy(str(reason))}" + _quoted(last))

    say(what)
    try:
        client.call(run, STALLED, what)
    except (OSError, TypeError) as error:  # of the context, before anything was sent
        raise EngineError(ErrorKind.REFUSED, f"{what}: {error} (check `build`)") from error
    return image(client, order.tag)


def _quoted(last: Iterable[str]) -> str:
    return "".join(f"\n  {line}" for line in last)
