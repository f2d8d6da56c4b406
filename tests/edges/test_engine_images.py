"""Images: fetched from a real registry, refused by none, built from a folder."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from edges.engine_rig import order, run, talking_to
from roost.edges.engine.api import Build, Engine, EngineError, ErrorKind, Pull
from roost.edges.engine.images import PullProgress, split
from support.engine import RealEngine


async def _sdk(engine: Engine, work):
    """What no method of the engine does: through the library itself."""
    client = engine._client  # type: ignore[attr-defined]
    return await asyncio.to_thread(client.call, work, 30, "a test")


def test_an_image_is_fetched_as_pull_says(container_engine: RealEngine) -> None:
    """`pull: missing|always|never`, progress, the registry's digest; unknown images, a registry that is down."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            lines: list[str] = []
            with container_engine.registry() as registry:
                name = f"{registry}/shop/web:1"
                await _sdk(engine, lambda sdk: sdk.tag(container_engine.image, f"{registry}/shop/web", "1"))
                await _sdk(engine, lambda sdk: sdk.push(f"{registry}/shop/web", "1"))
                await _sdk(engine, lambda sdk: sdk.remove_image(name))
                with pytest.raises(EngineError) as caught:
                    await engine.ensure_image(name, Pull.NEVER)
                assert caught.value.kind is ErrorKind.NO_SUCH_IMAGE
                fetched = await engine.ensure_image(name, Pull.MISSING, lines.append)
                assert lines[0] == f"pulling {name}"
                assert await engine.ensure_image(name, Pull.ALWAYS) == fetched
                if not container_engine.is_podman:  # which has two digests of it: it was made here, too
                    assert fetched.digest and fetched.digest.startswith("sha256:")
                    assert fetched.digest != fetched.id
                    exact = await engine.ensure_image(f"{registry}/shop/web@{fetched.digest}", Pull.ALWAYS)
                    assert exact.id == fetched.id
                for unknown in (f"{registry}/shop/web:2", f"{registry}/shop/none:1"):
                    with pytest.raises(EngineError) as caught:
                        await engine.ensure_image(unknown, Pull.MISSING)
                    assert caught.value.kind is ErrorKind.NO_SUCH_IMAGE
                    assert unknown in caught.value.message and "`image`" in caught.value.message
            assert await engine.ensure_image(name, Pull.MISSING) == fetched  # the registry is not asked
            with pytest.raises(EngineError) as caught:
                await engine.ensure_image(name, Pull.ALWAYS)
            assert caught.value.kind is ErrorKind.REFUSED
            assert "registry" in caught.value.message and "pull: never" in caught.value.message
            container = await engine.create(order(image=name))
            assert (await engine.inspect(container)).image_id == fetched.id

    run(test)


def test_an_image_is_built(container_engine: RealEngine, tmp_path: Path) -> None:
    """Context, .dockerignore, arguments, stage, labels, progress; a step that fails says its last lines."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Made").write_text(
        f"FROM {container_engine.image} AS first\nARG COLOR\nCOPY . /context/\n"
        'RUN echo "painting $COLOR" && echo $COLOR >/color\n'
        f"FROM {container_engine.image} AS second\nRUN echo never && false\n"
    )
    (tmp_path / ".dockerignore").write_text("secret\n")
    (tmp_path / "secret").write_text("hidden")
    (tmp_path / "open").write_text("shown")

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            lines: list[str] = []
            build = Build(
                context=str(tmp_path),
                dockerfile="sub/Made",
                args={"COLOR": "blue"},
                target="first",
                tag="roost-test-built:1",
                labels={"roost.project": "built"},
            )
            built = await engine.build(build, lines.append)
            assert built == await engine.image("roost-test-built:1")
            assert built.digest is None or container_engine.is_podman, "Podman knows what it would be"
            assert any("painting blue" in line for line in lines)
            container = await engine.create(order(image="roost-test-built:1"))
            await engine.start(container)
            seen = await engine.execute(container, ("sh", "-c", "cat /color; ls /context"), 10)
            assert seen.output.split() == [b"blue", b"Dockerfile", b"open", b"sub"]
            again = await engine.build(build)
            assert again.id == built.id  # from the engine's cache
            with pytest.raises(EngineError) as caught:
                await engine.build(
                    Build(context=str(tmp_path), dockerfile="sub/Made", tag="roost-test-built:2")
                )
            assert caught.value.kind is ErrorKind.REFUSED
            assert re.search("returned a non-zero code: 1|exit status 1", caught.value.message)
            assert "  never" in caught.value.message
            for wrong in (Build(context=str(tmp_path / "none"), tag="x:1"),
                          Build(context=str(tmp_path), dockerfile="none", tag="x:1")):  # fmt: skip
                with pytest.raises(EngineError) as caught:
                    await engine.build(wrong)
                assert caught.value.kind is ErrorKind.REFUSED and "none" in caught.value.message

    run(test)


@pytest.mark.parametrize(
    ("reference", "name", "tag"),
    [
        ("postgres", "postgres", "latest"),
        ("postgres:16", "postgres", "16"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        ("localhost:5000/a/b:1.2", "localhost:5000/a/b", "1.2"),
        ("a/b@sha256:12", "a/b", "sha256:12"),
        ("a/b:3@sha256:12", "a/b", "sha256:12"),
    ],
)
def test_references_are_taken_apart(reference: str, name: str, tag: str) -> None:
    """A colon may belong to the registry's port, and a digest decides over a tag."""
    assert split(reference) == (name, tag)


def test_progress_adds_up_and_is_not_told_too_often() -> None:
    """Layers are summed; a line at most every half second, and only when it says something new."""
    told: list[str] = []
    now = 0.0
    progress = PullProgress("db:1", told.append, lambda: now)
    for step in range(1, 101):
        now = step / 10
        for layer in ("a", "b"):
            detail = {"current": step * 100_000, "total": 10_000_000}
            progress.heard({"status": "Downloading", "id": layer, "progressDetail": detail})
    assert told[0] == "pulling db:1: 1 of 20 MB" and told[-1].endswith("of 20 MB")
    assert len(told) == len(set(told)) <= 20
    now += 1
    progress.heard({"status": "Pull complete", "id": "a"})
    progress.heard({"status": "Pull complete", "id": "b"})
    assert told[-1] == "pulling db:1: 20 of 20 MB"
