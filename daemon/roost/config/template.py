"""The commented roost.yaml that `roost init` writes: valid as it is, and it runs with nothing installed."""

from __future__ import annotations

from typing import Final

_QUOTED: Final = ("on", "off", "no", "yes", "true", "false", "null")
"""Names that YAML would take for something else."""

_TEMPLATE: Final = """\
# What this project runs.  `roost check` looks for mistakes, `roost up` starts it, `roost status` shows it.
# Every key: `roost schema`, or docs/configuration.md.
version: 1
name: @NAME@

# Variables for every component.  ${NAME} and ${NAME:-default} take values from the environment.
env:
  LOG_LEVEL: ${LOG_LEVEL:-info}
# env_file: [{path: .env, optional: true}]

components:
  # A service is meant to stay up: when it ends, it is started again (after 1, 2, 4 … 60 seconds).
  hello:
    description: Says hello every ten seconds
    run: |
      echo "$ROOST_COMPONENT is up, log level $LOG_LEVEL"
      while true; do sleep 10; echo hello; done

  # A task runs once and must exit with 0.  Others can wait for it.
  # migrate:
  #   type: task
  #   run: ./migrate up

  # A string goes through the shell, a list does not.  `auto` is a free port, kept for this project.
  # web:
  #   run: [python3, -m, http.server, "${port.http}", --bind, 127.0.0.1]
  #   cwd: web
  #   ports: {http: auto}
  #   url: http://localhost:${port.http}
  #   depends_on:
  #     hello: started            # started | ready | completed
  #     migrate: completed
  #   probes:                     # as in Kubernetes
  #     readiness: {http: "http://localhost:${port.http}/", period: 2s}
  #     liveness: {tcp: "${port.http}", period: 10s, failure_threshold: 3}
  #   restart: on-failure         # always (default for a service) | on-failure | never
  #   stop: {signal: TERM, timeout: 10s}
"""


def template(name: str) -> str:
    """The text for a project of that name, which must be valid (`roost.config.project.default_name`)."""
    return _TEMPLATE.replace("@NAME@", f'"{name}"' if name.lower() in _QUOTED else name)
