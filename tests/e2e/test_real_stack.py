"""One stack of real servers: redis, PostgreSQL, a Python worker that uses both, and nginx before it."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import ProjectUnderTest, eventually, free_port, is_running, need, program

pytestmark = pytest.mark.serial  # four servers on two cores are enough

NGINX_CONF = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log /dev/stdout;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{nginx};
        location = /healthz {{ return 200 "ok"; }}
        location / {{ proxy_pass http://127.0.0.1:{worker}; }}
    }}
}}
"""


@dataclass(frozen=True)
class Ports:
    """Where each server listens on 127.0.0.1."""

    redis: int
    postgres: int
    worker: int
    nginx: int


def _as_database_user() -> list[str]:
    """PostgreSQL refuses to run as root; setpriv becomes the other user and then the program itself."""
    if os.getuid() != 0:
        return []
    return [need("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _database_folder(project: ProjectUnderTest) -> Path:
    """A folder that the database's user may reach and owns."""
    folder = project.root / "database"
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        import pwd  # not on Windows, where this file is only collected

        project.base.chmod(0o711)
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _components(project: ProjectUnderTest, ports: Ports) -> dict[str, dict[str, Any]]:
    data = _database_folder(project)
    become, redis, postgres = _as_database_user(), need("redis-server"), need("postgres")
    initdb = [need("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C"]
    server = [postgres, "-D", str(data), "-k", str(data), "-h", "127.0.0.1", "-p", str(ports.postgres)]
    is_ready = [need("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(ports.postgres)]
    every = {"period": "500ms", "timeout": "30s"}
    return {
        "redis": {
            "run": [redis, "--port", str(ports.redis), "--bind", "127.0.0.1", "--save", ""],
            "probes": {
                "startup": {"tcp": ports.redis, **every, "failure_threshold": 1000},
                "liveness": {"exec": [need("redis-cli"), "-p", str(ports.redis), "ping"], **every},
            },
        },
        "initdb": {"type": "task", "run": [*become, *initdb]},
        "postgres": {
            "run": [*become, *server],
            "depends_on": {"initdb": "completed"},
            "probes": {"readiness": {"exec": is_ready, **every}},
            "stop": {"signal": "INT"},  # its "fast" shutdown
        },
        "worker": {
            "run": program("worker", ports.redis, ports.postgres, ports.worker, need("psql")),
            "depends_on": ["redis", "postgres"],
            "probes": {"readiness": {"http": f"http://127.0.0.1:{ports.worker}/", **every}},
        },
        "nginx": {
            "run": [need("nginx"), "-c", str(project.root / "nginx.conf"), "-p", str(project.root)],
            "depends_on": ["worker"],
            "probes": {"readiness": {"http": f"http://127.0.0.1:{ports.nginx}/healthz", **every}},
        },
    }


@pytest.fixture
def stack(project: ProjectUnderTest) -> tuple[ProjectUnderTest, Ports]:
    """The stack, configured and not yet up."""
    ports = Ports(free_port(), free_port(), free_port(), free_port())
    project.components(**_components(project, ports))
    user = "user root;" if os.getuid() == 0 else ""
    conf = NGINX_CONF.format(folder=project.root, user=user, nginx=ports.nginx, worker=ports.worker)
    project.file("nginx.conf", conf)
    return project, ports


def _jobs_done(ports: Ports) -> int:
    """The worker's count, asked through nginx."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports.nginx}/jobs", timeout=60) as answer:
        return int(answer.read())


def _count_goes_on(ports: Ports) -> None:
    before = _jobs_done(ports)
    eventually(lambda: _jobs_done(ports) > before, what="another job")


def _rows(ports: Ports) -> int:
    argv = [need("psql"), "-qAtX", "-h", "127.0.0.1", "-p", str(ports.postgres), "-U", "postgres"]
    asked = subprocess.run(
        [*argv, "-c", "select count(*) from jobs", "postgres"], capture_output=True, text=True, timeout=60
    )
    return int(asked.stdout) if asked.returncode == 0 else 0


def test_a_real_stack_comes_up_works_and_goes_down(stack: tuple[ProjectUnderTest, Ports]) -> None:
    """P9, S8, S26, S30, S48: servers start in order, all green, work together, have logs, leave nothing."""
    project, ports = stack
    project.up()
    status = project.status()
    assert status["color"] == "green"
    states = {entry["name"]: entry["state"] for entry in status["components"]}
    assert states == {
        "redis": "running",
        "initdb": "completed",
        "postgres": "running",
        "worker": "running",
        "nginx": "running",
    }
    _count_goes_on(ports)
    eventually(lambda: _rows(ports) > 0, what="a row in PostgreSQL")

    for name, words in {
        "redis": "Ready to accept connections",
        "initdb": "Success. You can now start the database server",
        "postgres": "database system is ready to accept connections",
        "worker": "connected to redis",
        "nginx": "GET /jobs",
    }.items():
        shown = project.roost("logs", name, "-n", 1000, check=True).out
        assert words in shown, f"{name}: {shown}"

    pids = project.pids()
    project.down()
    assert not [name for name, pid in pids.items() if is_running(pid)]


def test_a_restarted_redis_leaves_the_others_alone(stack: tuple[ProjectUnderTest, Ports]) -> None:
    """`restart` gives redis a new pid, keeps those of all others, and the stack works again."""
    project, ports = stack
    project.up()
    before = project.pids()
    project.roost("restart", "redis", check=True)
    after = project.pids()
    assert after.pop("redis") != before.pop("redis")
    assert after == before
    project.wait_for(lambda status: status["color"] == "green", what="green again")
    eventually(
        lambda: "lost redis" in project.log_bytes("worker").decode(), what="the worker's lost connection"
    )
    _count_goes_on(ports)


def test_a_killed_postgres_comes_back(stack: tuple[ProjectUnderTest, Ports]) -> None:
    """S9, S21: `kill -9` of PostgreSQL's parent process; it recovers as a second run, beside the others."""
    project, _ports = stack
    project.up()
    before = project.pids()
    project.kill(before["postgres"])

    def recovered(status: dict[str, Any]) -> bool:
        entry = next(entry for entry in status["components"] if entry["name"] == "postgres")
        return bool(entry["run"] > 1 and entry["ready"])

    project.wait_for(recovered, what="PostgreSQL back")
    after = project.pids()
    assert {name: after[name] for name in ("redis", "nginx", ":keeper")} == {
        name: before[name] for name in ("redis", "nginx", ":keeper")
    }
    assert "automatic recovery" in project.log_bytes("postgres").decode()
