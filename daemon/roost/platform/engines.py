"""Where Docker and Podman listen on each system when nobody says where.  Looks at files, connects to nothing."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER = "unix:///var/run/docker.sock"
_WINDOWS_PIPES = ("docker_engine", "dockerDesktopLinuxEngine", "podman-machine-default")
_IN_HOME_MACOS = (
    ".docker/run/docker.sock",
    ".orbstack/run/docker.sock",
    ".colima/default/docker.sock",
    ".colima/docker.sock",
    ".rd/docker.sock",
    ".local/share/containers/podman/machine/podman.sock",
    ".local/share/containers/podman/machine/qemu/podman.sock",
)
_IN_HOME_LINUX = (".docker/run/docker.sock", ".docker/desktop/docker.sock", ".rd/docker.sock")


def candidates(
    environ: Mapping[str, str], home: str, uid: int | None = None, system: str = sys.platform
) -> tuple[str, ...]:
    """The addresses to try, in order; the first is where the `docker` command looks by itself."""
    if system == "win32":
        return tuple(f"npipe:////./pipe/{name}" for name in _WINDOWS_PIPES)
    if system == "darwin":
        return (DOCKER, *(f"unix://{home}/{path}" for path in _IN_HOME_MACOS))
    runtime = environ.get("XDG_RUNTIME_DIR") or (f"/run/user/{uid}" if uid is not None else "")
    found = [DOCKER]
    if runtime:
        found.append(f"unix://{runtime}/docker.sock")
    found += [f"unix://{home}/{path}" for path in _IN_HOME_LINUX]
    if runtime:
        found.append(f"unix://{runtime}/podman/podman.sock")
    return (*found, "unix:///run/podman/podman.sock")


def is_usable(address: str) -> bool:
    """Whether a socket or pipe is there that this user may open."""
    if address.startswith("npipe://"):
        return os.path.exists(address.removeprefix("npipe://").replace("/", "\\"))
    return os.access(address.removeprefix("unix://"), os.R_OK | os.W_OK)


if sys.platform == "win32":

    def user_id() -> int | None:
        """Of this user; here there is none."""
        return None
else:

    def user_id() -> int | None:
        """Of this user; None where there is none."""
        return os.getuid()
