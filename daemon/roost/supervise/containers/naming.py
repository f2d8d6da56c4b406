"""Whose a container is: by its labels, never by its name.  Pure.

Two projects may have the same name and the same components, and two machines may share one engine: a container
is ours if it was made on this machine for this folder, where it is now or where it was before it was moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct

PROJECT = "roost.project"
COMPONENT = "roost.component"
RUN = "roost.run"
INSTANCE = "roost.instance"
ORDER = "roost.order"
"""The digest of the specification that it was made from."""
_ROOT = "roost.root"
_HOST = "roost.host"
_FOLDER = "roost.folder"


class Place(Struct, frozen=True, kw_only=True):
    """A project on a machine.  `folder`: what tells its folder from every copy and stays when it is moved."""

    project: str
    root: str
    host: str
    folder: str

    def filter(self) -> dict[str, str]:
        """What the engine is asked for: this folder's, whatever the project is called by now."""
        return {_HOST: self.host, _FOLDER: self.folder}

    def labels(self) -> dict[str, str]:
        """Those of everything that is made for the project."""
        return {PROJECT: self.project, _ROOT: self.root, _HOST: self.host, _FOLDER: self.folder}

    def of_component(self, component: str, run: int, instance: str) -> dict[str, str]:
        """Those of a container."""
        return {**self.labels(), COMPONENT: component, RUN: str(run), INSTANCE: instance}

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Whether what carries these labels was made for this project."""
        if labels.get(_HOST) != self.host:
            return False
        return labels.get(_ROOT) == self.root or labels.get(_FOLDER) == self.folder

    def container(self, component: str) -> str:
        """The name of a component's container."""
        return f"roost-{self.project}-{component}-{self._mark()}"

    def network(self) -> str:
        """The name of the network that its containers share."""
        return f"roost-{self.project}-{self._mark()}"

    def image(self, component: str) -> str:
        """The name of an image that is built for a component."""
        return f"roost-{self.project}-{component}-{self._mark()}".lower()

    def _mark(self) -> str:
        return hashlib.sha256(f"{self.host}\0{self.root}".encode()).hexdigest()[:8]


def run_of(labels: Mapping[str, str]) -> int:
    """The number of the run; 0 where the label says none."""
    text = labels.get(RUN, "")
    return int(text) if text.isdecimal() else 0
