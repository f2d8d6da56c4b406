"""Where Podman differs behind Docker's interface: words, names, and what has to be asked in its own.  Pure.

Learnt from Podman 4.3; its own interface (`libpod`) is in the same socket, under the version it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_DOCKERS_OWN = ("docker.io/library/", "docker.io/", "localhost/")


def is_podman(version: Mapping[str, Any]) -> bool:
    """From GET /version: whether Podman answers."""
    return _component(version) is not None


def own_path(version: Mapping[str, Any]) -> str:
    """`/v4.3.1/libpod`, below which its own interface is."""
    details = (_component(version) or {}).get("Details") or {}
    return f"/v{details.get('APIVersion') or version.get('Version') or '4.0.0'}/libpod"


def ordered(reference: str) -> str:
    """An image as people name it: Podman calls `redis:7` docker.io/library/redis:7, and what it built localhost/….

    https://github.com/distribution/reference (familiar names)
    """
    return next(
        (reference.removeprefix(part) for part in _DOCKERS_OWN if reference.startswith(part)), reference
    )


def network_name(network: str, known: Iterable[Mapping[str, Any]]) -> str:
    """The name for a network's id: Podman removes one by its id even where containers are in it."""
    return next((str(each["Name"]) for each in known if each.get("Id") == network), network)


def _component(version: Mapping[str, Any]) -> Mapping[str, Any] | None:
    components = version.get("Components") or ()
    return next((part for part in components if "podman" in str(part.get("Name", "")).lower()), None)
