"""The life of a container on a real engine: made, started, seen, ended, removed; and every way to fail."""

from __future__ import annotations

import asyncio
import socket

import docker
import pytest

from edges.engine_rig import order, run, talking_to, until
from roost.edges.engine.api import (
    ContainerSeen,
    Engine,
    EngineError,
    ErrorKind,
    Health,
    Healthcheck,
    Mount,
    MountKind,
    Publish,
    Pull,
    Status,
)
from support.engine import RealEngine


async def _started(engine: Engine, *command: str, **fields: object) -> str:
    container = await engine.create(order(*command, **fields))
    await engine.start(container)
    return container


async def _ended(engine: Engine, container: str) -> ContainerSeen:
    async def look() -> ContainerSeen | None:
        seen = await engine.inspect(container)
        return None if seen.is_up else seen

    return await until(look, "the end of the container")


def test_a_container_is_made_started_seen_and_removed(container_engine: RealEngine) -> None:
    """S12: what was ordered is what the engine shows: name, labels, image, environment, ports, times."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            ordered = order(
                "sh", "-c", "test $COLOR = blue && httpd -f -p 80 -h /www",
                environment={"COLOR": "blue"},
                labels={"roost.project": "shop", "roost.component": "web"},
                ports=(Publish(container=80, host=0),),
                user="root",
                working_dir="/www",
            )  # fmt: skip
            container = await engine.create(ordered)
            made = await engine.inspect(container)
            assert (made.status, made.exit_code, made.started_at) == (Status.CREATED, None, None)
            await engine.start(container)
            (seen,) = await engine.list({"roost.project": "shop", "roost.component": ""})
            assert seen == await engine.inspect(ordered.name)
            assert (seen.id, seen.name, seen.image) == (container, ordered.name, container_engine.image)
            assert seen.labels.items() >= ordered.labels.items()
            assert seen.status is Status.RUNNING and seen.pid and seen.exit_code is None
            assert seen.image_id == (await engine.image(container_engine.image)).id
            assert seen.created_at and seen.started_at and seen.created_at <= seen.started_at
            (port,) = seen.ports
            assert (port.container, port.address, port.protocol) == (80, "127.0.0.1", "tcp")
            assert b"hello" in await _get(port.host, "/index.html")
            await engine.start(container)  # one that runs is left alone
            assert (await engine.inspect(container)).pid == seen.pid
            await engine.remove(container)
            await engine.remove(container)  # one that is gone is a success
            assert await engine.list({"roost.project": "shop"}) == ()
            with pytest.raises(EngineError) as caught:
                await engine.inspect(container)
            assert caught.value.kind is ErrorKind.NO_SUCH_CONTAINER

    run(test)


async def _get(port: int, path: str) -> bytes:
    async def attempt() -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return b""
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    return await until(attempt, "an answer from the container's port")


def test_exit_codes_and_stops(container_engine: RealEngine) -> None:
    """The exit code is the program's; stop sends the signal, then kills what ignores it; kill sends one."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            trap = "trap 'exit 3' TERM; trap 'exit 4' INT; touch /tmp/set; while :; do sleep 0.1; done"
            code = await _started(engine, "sh", "-c", "exit 41")
            polite = await _started(engine, "sh", "-c", trap)
            other = await _started(engine, "sh", "-c", trap)
            deaf = await _started(engine, "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
            shot = await _started(engine, "sleep", "600")
            assert (await _ended(engine, code)).exit_code == 41
            for one in (polite, other):

                async def set_up(one: str = one) -> bool:
                    return (await engine.execute(one, ("test", "-e", "/tmp/set"), 60)).code == 0

                await until(set_up, "the traps")
            await asyncio.gather(
                engine.stop(polite, "TERM", 10),
                engine.stop(other, "INT", 10),
                engine.stop(deaf, "TERM", 1),
                engine.kill(shot, "KILL"),
            )
            codes = [(await _ended(engine, each)).exit_code for each in (polite, other, deaf, shot)]
            assert codes == [3, 4, 137, 137]
            ended = await engine.inspect(polite)
            assert ended.started_at and ended.finished_at and ended.finished_at >= ended.started_at
            await engine.stop(polite, "TERM", 1)  # one that has stopped is a success
            with pytest.raises(EngineError) as caught:
                await engine.kill(shot, "TERM")
            assert caught.value.kind is ErrorKind.REFUSED
            assert "not running" in caught.value.message

    run(test)


@pytest.mark.parametrize("signal", ["TERM", "INT", "KILL"])
def test_a_paused_container_can_be_ended(container_engine: RealEngine, signal: str) -> None:
    """S48: it goes on for its end, also by another signal than the image's own, and what ignores it is killed."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(
                engine, "sh", "-c", "trap '' TERM INT; echo set; while :; do sleep 0.1; done"
            )
            client = docker.DockerClient(base_url=container_engine.host, version="1.41")
            try:
                client.api.pause(container)
            finally:
                client.close()
            assert (await engine.inspect(container)).status is Status.PAUSED
            if signal == "KILL":
                await engine.kill(container)
            else:
                await engine.stop(container, signal, 1)
            assert (await _ended(engine, container)).exit_code == 137

    run(test)


def test_an_oom_kill_is_seen(container_engine: RealEngine) -> None:
    """A container over its memory limit is killed, and the engine says why (of nearly each: it may look too late)."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            eat = ("sh", "-c", "tail /dev/zero")
            eaters = [await _started(engine, *eat, memory=16 * 1024 * 1024) for _ in range(4)]
            seen = [await _ended(engine, each) for each in eaters]
            assert {each.exit_code for each in seen} == {137}
            assert any(each.oom_killed for each in seen) or container_engine.is_podman, (
                "Podman does not tell with cgroups version 1"
            )

    run(test)


def test_health_is_the_engines_healthcheck(container_engine: RealEngine) -> None:
    """S19: starting, healthy, unhealthy with what the check said."""
    container_engine.needs_health_checks()

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            check = Healthcheck(
                test=("CMD-SHELL", "test -e /tmp/ok || { echo no such thing; exit 1; }"),
                interval=0.3,
                timeout=2,
                retries=2,
            )
            container = await _started(engine, "sleep", "600", healthcheck=check)
            assert (await engine.inspect(container)).health in (Health.STARTING, Health.UNHEALTHY)

            def has(health: Health):
                async def look() -> bool:
                    return (await engine.inspect(container)).health is health

                return look

            await until(has(Health.UNHEALTHY), "unhealthy")
            sick = await engine.inspect(container)
            assert sick.health_output == "no such thing" and sick.health_failures >= 2
            assert (await engine.execute(container, ("touch", "/tmp/ok"), 10)).code == 0
            await until(has(Health.HEALTHY), "healthy")
            plain = await _started(engine, "sleep", "600")
            assert (await engine.inspect(plain)).health is Health.NONE

    run(test)


def test_each_refusal_has_its_kind_and_its_sentence(container_engine: RealEngine) -> None:
    """S16: unknown image, name taken, port taken, bad command, container gone: kind, reason, what to do."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:

            async def refusal(call) -> EngineError:
                with pytest.raises(EngineError) as caught:
                    await call
                return caught.value

            missing = await refusal(engine.create(order(image="localtest/missing:9")))
            assert missing.kind is ErrorKind.NO_SUCH_IMAGE
            assert "localtest/missing:9" in missing.message and "`image`" in missing.message
            never = await refusal(engine.ensure_image("localtest/missing:9", Pull.NEVER))
            assert never.kind is ErrorKind.NO_SUCH_IMAGE and "pull: never" in never.message

            first = await _started(engine)
            name = (await engine.inspect(first)).name
            taken = await refusal(engine.create(order(name=name)))
            assert taken.kind is ErrorKind.NAME_TAKEN and name in taken.message
            second = await engine.create(order())
            renamed = await refusal(engine.rename(second, name))
            assert renamed.kind is ErrorKind.NAME_TAKEN

            with socket.socket() as stranger:
                stranger.bind(("127.0.0.1", 0))
                stranger.listen()
                port = stranger.getsockname()[1]
                blocked = await engine.create(order(ports=(Publish(container=80, host=port),)))
                held = await refusal(engine.start(blocked))
            assert held.kind is ErrorKind.PORT_TAKEN and str(port) in held.message

            bad = await engine.create(order("/no/such/program"))
            broken = await refusal(engine.start(bad))
            assert broken.kind is ErrorKind.REFUSED
            assert "/no/such/program" in broken.message and "`command`" in broken.message
            seen = await engine.inspect(bad)
            assert seen.status is Status.CREATED
            if not container_engine.is_podman:  # it has said so above, and keeps nothing
                assert seen.exit_code == 127 and "no such file" in seen.error

            for call in (engine.start("roost-none"), engine.stop("roost-none", "TERM", 1)):
                gone = await refusal(call)
                assert gone.kind is ErrorKind.NO_SUCH_CONTAINER and "roost-none" in gone.message
            for error in (missing, taken, held, broken):
                assert "\n" not in error.message and "APIError" not in error.message

    run(test)


def test_volumes_networks_and_limits(container_engine: RealEngine, tmp_path) -> None:
    """Bind mounts, named and nameless volumes, tmpfs, a network with names, entrypoint, user, limits."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            (tmp_path / "given").write_text("from outside\n")
            label = {"roost.project": "volumes"}
            await engine.ensure_volume("roost-test-volume", label)
            network = await engine.ensure_network("roost-test-network", label)
            assert await engine.ensure_network("roost-test-network", label) == network
            mounts = (
                Mount(kind=MountKind.BIND, source=str(tmp_path), target="/given", options=("ro",)),
                Mount(kind=MountKind.VOLUME, source="roost-test-volume", target="/named"),
                Mount(kind=MountKind.VOLUME, target="/nameless"),
                Mount(kind=MountKind.TMPFS, target="/fast", options=("size=1m",)),
            )
            await _started(
                engine, "httpd", "-f", "-p", "80", "-h", "/www",
                network="roost-test-network", aliases=("web",),
            )  # fmt: skip
            script = (
                "cat /given/given; touch /given/x 2>&1; touch /named/x /nameless/x /fast/x; id -un; pwd;"
                "timeout 60 wget -qO- http://web/index.html; grep -c host.docker.internal /etc/hosts"
            )
            client = await _started(
                engine, script,
                entrypoint=("sh", "-c"), mounts=mounts, network="roost-test-network", working_dir="/tmp",
                cpus=0.5, memory=64 * 1024 * 1024,
            )  # fmt: skip
            await _ended(engine, client)
            text = b"".join(piece.data for piece in engine.logs(client, follow=False)).decode()
            assert text.splitlines() == [
                "from outside",
                "touch: /given/x: Read-only file system",
                "root",
                "/tmp",
                "hello",
                "1",
            ]
            with pytest.raises(EngineError) as caught:
                await engine.remove_network(network)
            assert caught.value.kind is ErrorKind.REFUSED
            assert [each.id for each in await engine.networks(label)] == [network]
            for container in await engine.list({"roost.test": ""}):
                await engine.remove(container.id)
            await engine.remove_network(network)
            await engine.remove_network(network)  # one that is gone is a success
            assert await engine.networks(label) == ()

    run(test)


def test_ten_containers_start_in_parallel(container_engine: RealEngine) -> None:
    """P12: ten are made, started and removed side by side, each call within its limit."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            made = await asyncio.gather(*(engine.create(order()) for _ in range(10)))
            await asyncio.gather(*(engine.start(container) for container in made))
            seen = await engine.list({"roost.test": ""})
            assert {each.id for each in seen if each.status is Status.RUNNING} == set(made)
            # Twice at once: the second waits for the first, and both succeed when it is gone.
            await asyncio.gather(*(engine.remove(container) for container in made * 2))
            assert await engine.list({"roost.test": ""}) == ()

    run(test)


def test_usage_is_known_from_the_second_question(container_engine: RealEngine) -> None:
    """P17: memory at once, the processor's share since the last question."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            busy = await _started(engine, "sh", "-c", "while :; do :; done")
            first = await engine.usage(busy)
            assert first.cpu_percent is None and first.rss_bytes and first.rss_bytes < 50_000_000

            async def share() -> float | None:
                return (await engine.usage(busy)).cpu_percent

            assert await until(share, "a processor share") > 5

    run(test)


def test_who_answers(container_engine: RealEngine) -> None:
    """`doctor` can name the engine, its version and where it is."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            seen = await engine.seen()
            assert seen.name == container_engine.kind.capitalize() and seen.version[0].isdigit()
            assert seen.endpoint == container_engine.host

    run(test)
