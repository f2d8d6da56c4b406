"""supervisor, circus and pm2, each configured for the same components and driven by its own command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

from . import install
from .managers import Component, Manager


class Supervisor(Manager):
    """supervisord with a Unix socket; `minfds` raised for 1,000 components."""

    name = "supervisor"

    def configure(self, components: Iterable[Component]) -> None:
        here = self.folder
        text = f"""
[supervisord]
logfile={here}/supervisord.log
pidfile={here}/pid
childlogdir={here}/logs
minfds=16384
[unix_http_server]
file={here}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{here}/sock
"""
        for one in components:
            text += f"""
[program:{one.name}]
command={shlex.join(one.argv)}
startsecs=0
startretries=1000000
autorestart=true
stdout_logfile={self.log(one.name)}
stdout_logfile_maxbytes=0
stderr_logfile={self.logs / one.name}.err
stderr_logfile_maxbytes=0
"""
        self._config.write_text(text)

    @property
    def _config(self) -> Path:
        return self.folder / "supervisord.conf"

    def up_argv(self) -> list[str]:
        return [install.python_peer("supervisord"), "-c", str(self._config)]

    def status_argv(self) -> list[str]:
        return [install.python_peer("supervisorctl"), "-c", str(self._config), "status"]

    def down_argv(self) -> list[str]:
        return [install.python_peer("supervisorctl"), "-c", str(self._config), "shutdown"]

    def look_up_pids(self) -> dict[str, int]:
        return {"supervisord": int((self.folder / "pid").read_text())}

    def interface(self) -> tuple[str, str]:
        return install.python_peer("python"), f"{self.folder}/sock"


class Circus(Manager):
    """circusd on ipc sockets; looks after its processes once a second (`check_delay`; 5 by default)."""

    name = "circus"

    def configure(self, components: Iterable[Component]) -> None:
        text = f"""
[circus]
endpoint = {self._endpoint}
pubsub_endpoint = ipc://{self.folder}/pub
pidfile = {self.folder}/pid
check_delay = 1
"""
        for one in components:
            text += f"""
[watcher:{one.name}]
cmd = {one.argv[0]}
args = {shlex.join(one.argv[1:])}
copy_env = True
warmup_delay = 0
max_retry = -1
graceful_timeout = 5
stdout_stream.class = FileStream
stdout_stream.filename = {self.log(one.name)}
stderr_stream.class = FileStream
stderr_stream.filename = {self.logs / one.name}.err
"""
        self._config.write_text(text)

    @property
    def _config(self) -> Path:
        return self.folder / "circus.ini"

    @property
    def _endpoint(self) -> str:
        return f"ipc://{self.folder}/ctl"

    def up_argv(self) -> list[str]:
        return [
            install.python_peer("circusd"),
            "--daemon",
            "--log-output",
            f"{self.folder}/log",
            str(self._config),
        ]

    def status_argv(self) -> list[str]:
        return [install.python_peer("circusctl"), "--endpoint", self._endpoint, "status"]

    def down_argv(self) -> list[str]:
        return [install.python_peer("circusctl"), "--endpoint", self._endpoint, "quit"]

    def look_up_pids(self) -> dict[str, int]:
        return {"circusd": int((self.folder / "pid").read_text())}

    def interface(self) -> tuple[str, str]:
        return install.python_peer("python"), self._endpoint


class Pm2(Manager):
    """pm2 in fork mode without an interpreter, its daemon in a PM2_HOME of its own."""

    name = "pm2"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env |= {"PM2_HOME": str(folder / "pm2"), "PM2_DISCRETE_MODE": "true"}

    def configure(self, components: Iterable[Component]) -> None:
        apps = [
            {
                "name": one.name,
                "script": one.argv[0],
                "args": list(one.argv[1:]),
                "interpreter": "none",
                "exec_mode": "fork",
                "autorestart": True,
                "max_restarts": 1_000_000,
                "out_file": str(self.log(one.name)),
                "error_file": f"{self.logs / one.name}.err",
                "merge_logs": True,
            }
            for one in components
        ]
        (self.folder / "ecosystem.json").write_text(json.dumps({"apps": apps}))

    def up_argv(self) -> list[str]:
        return [install.node_peer("pm2"), "start", str(self.folder / "ecosystem.json")]

    def status_argv(self) -> list[str]:
        return [install.node_peer("pm2"), "ls"]

    def down_argv(self) -> list[str]:
        return [install.node_peer("pm2"), "kill"]

    def look_up_pids(self) -> dict[str, int]:
        return {"daemon": int((self.folder / "pm2" / "pm2.pid").read_text())}
