"""From a component's specification to what a container is made from.  Pure.

One order for each run; its digest, in a label, tells a later daemon whether what runs is still what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ...core import volumes
from ...core.environment import component_environment
from ...core.model import Build as BuildKeys
from ...core.model import ContainerKeys, Port, Project, Spec
from ...edges.engine.api import Build, ContainerOrder, Healthcheck, Mount, MountKind, Publish
from . import naming
from .naming import Place

_SHELL = ("/bin/sh", "-c")
_ENGINES_OWN = ("host", "none", "bridge")
_IN_ENGINES_WORDS = ("CMD", "CMD-SHELL", "NONE")


def render(spec: Spec, project: Project, place: Place, run: int, instance: str) -> ContainerOrder:
    """The order of one run; `spec` has its ports filled in and is a container's."""
    order = _render(spec, project, place, run, instance)
    return replace(order, labels={**order.labels, naming.ORDER: digest(spec, project, place)})


def digest(spec: Spec, project: Project, place: Place) -> str:
    """The same for every run and every keeper, as long as nothing of the specification changes."""
    return _render(spec, project, place, 0, "").digest()


def _render(spec: Spec, project: Project, place: Place, run: int, instance: str) -> ContainerOrder:
    keys = keys_of(spec)
    own_network = keys.network is None
    return ContainerOrder(
        name=place.container(spec.name),
        image=image_of(spec, place),
        command=in_container(keys.command),
        entrypoint=in_container(keys.entrypoint),
        environment=environment(spec, project, run, instance),
        labels={**keys.labels, **place.of_component(spec.name, run, instance)},
        mounts=tuple(_mount(text) for text in keys.volumes),
        ports=tuple(_publish(port) for port in spec.ports),
        network=place.network() if own_network else keys.network,
        aliases=()
        if keys.network in _ENGINES_OWN
        else tuple(dict.fromkeys(filter(None, (spec.name, spec.group)))),
        user=keys.user,
        healthcheck=_healthcheck(keys.healthcheck),
        tty=spec.tty,
        memory=spec.memory_limit,
    )


def keys_of(spec: Spec) -> ContainerKeys:
    """The container's part; only a container has one."""
    if spec.container is None:
        raise AssertionError(f"{spec.name} is no container")
    return spec.container


def image_of(spec: Spec, place: Place) -> str:
    """The image that is run: the one that is named, or the one that is built (by all replicas together)."""
    keys = keys_of(spec)
    return keys.image if keys.image is not None else place.image(spec.group or spec.name)


def build_of(spec: Spec, place: Place) -> Build | None:
    """How the image is built; None for one that is fetched."""
    keys: BuildKeys | None = keys_of(spec).build
    if keys is None:
        return None
    return Build(
        context=keys.context,
        tag=image_of(spec, place),
        dockerfile=keys.dockerfile,
        args=keys.args,
        target=keys.target,
        labels=place.labels(),
    )


def environment(spec: Spec, project: Project, run: int, instance: str) -> dict[str, str]:
    """What a container gets: nothing of this machine's, what the file says, and the names that it goes by."""
    return component_environment({}, project, spec, run, instance)


def in_container(command: tuple[str, ...] | str | None) -> tuple[str, ...] | None:
    """A string goes through the container's shell, a list does not (INTERFACES.md §3)."""
    return (*_SHELL, command) if isinstance(command, str) else command


def _mount(text: str) -> Mount:
    volume = volumes.parse(text)
    if volume is None:
        raise AssertionError(f"{text} is no volume; the configuration refuses it")
    return Mount(
        kind=MountKind.BIND if volume.is_path else MountKind.VOLUME,
        source=volume.source,
        target=volume.target,
        options=volume.options,
    )


def _publish(port: Port) -> Publish:
    if port.target is None or port.port is None:
        raise AssertionError("a container's port has both sides; the configuration refuses others")
    return Publish(container=port.target, host=port.port, address=port.address, protocol=port.protocol)


def _healthcheck(keys: Mapping[str, Any] | None) -> Healthcheck | None:
    if keys is None:
        return None
    if keys.get("disable"):
        return Healthcheck(test=("NONE",))
    test = keys.get("test")
    if isinstance(test, str):
        test = ("CMD-SHELL", test)
    elif test is not None and test[0] not in _IN_ENGINES_WORDS:
        test = ("CMD", *test)
    rest = {name: keys[name] for name in ("interval", "timeout", "start_period", "retries") if name in keys}
    return Healthcheck(test=test, **rest)
