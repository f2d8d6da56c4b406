"""What the end-to-end tests of containers share: a project that finds the engine, and the engine's own view."""

from __future__ import annotations

from typing import Any

import docker

from e2e.harness import ProjectUnderTest
from support.engine import RealEngine

HTTPD = ["sh", "-c", "echo serving; exec httpd -f -p 80 -h /www"]
SLEEPER = ["sh", "-c", "trap 'exit 0' TERM; echo begun; while :; do sleep 0.1; done"]


class Contained:
    """One project on the engine, seen from both sides."""

    def __init__(self, project: ProjectUnderTest, engine: RealEngine) -> None:
        self.project = project
        self.engine = engine
        project.env["DOCKER_HOST"] = engine.host

    @property
    def root(self) -> str:
        return str(self.project.root)

    def client(self) -> docker.DockerClient:
        """A client of the test's own."""
        return docker.DockerClient(base_url=self.engine.host, version="1.41", timeout=30)

    def containers(self) -> list[Any]:
        """This project's containers as the engine lists them, whatever they do."""
        client = self.client()
        try:
            listed = client.api.containers(all=True, filters={"label": f"roost.root={self.root}"})
            found = []
            for one in listed:
                try:
                    found.append(client.containers.get(one["Id"]))
                except docker.errors.APIError as error:  # NotFound; Podman's status may be another
                    if "no such container" not in str(error).lower():
                        raise  # else it has gone since it was listed
            return found
        finally:
            client.close()

    def container(self, name: str) -> Any:
        """The only container of a component."""
        (found,) = [one for one in self.containers() if one.labels["roost.component"] == name]
        return found

    def networks(self) -> list[str]:
        """This project's networks."""
        client = self.client()
        try:
            found = client.networks.list(filters={"label": f"roost.root={self.root}"})
            return [network.name for network in found]
        finally:
            client.close()

    def box(self, *command: str, **keys: Any) -> dict[str, Any]:
        """A component of the test image."""
        given: dict[str, Any] = {"image": self.engine.image, "stop": {"timeout": "3s"}, **keys}
        if command:
            given["command"] = list(command)
        return given

    def events(self, kind: str, component: str | None = None) -> list[dict[str, Any]]:
        """Events of one kind."""
        found = [event for event in self.project.events() if event["kind"] == kind]
        return [event for event in found if component in (None, event["component"])]
