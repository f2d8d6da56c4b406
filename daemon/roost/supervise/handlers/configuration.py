"""Checking and applying roost.yaml."""

from __future__ import annotations

from collections.abc import Callable

from ...api import errors
from ...api import types as t
from ...core.plan import Plan, plan
from ...edges.rpc_server import Session
from ..daemon import Daemon


class ConfigurationHandlers:
    """`config.*`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> dict[str, Callable[..., object]]:
        return {"config.check": self.check, "config.reload": self.reload}

    def check(self, params: t.CheckParams, _session: Session) -> t.CheckResult:
        if (params.text is None) == (params.path is None):
            raise errors.invalid_params("config.check", "give either text or path")
        daemon = self._daemon
        valid, problems = daemon.configuration.check(daemon.world.base, params.text, params.path)
        return t.CheckResult(valid=valid, problems=problems)

    async def reload(self, params: t.ReloadParams, _session: Session) -> t.Reloaded:
        """Validated whole before anything is touched (S54); then only what changed restarts (S55)."""
        daemon = self._daemon
        if daemon.phase == "shutting_down":
            raise errors.shutting_down()
        need_configuration(daemon)
        loaded = daemon.configuration.current(daemon.world.base)
        if params.dry_run and loaded.project is not None:
            return _reloaded(plan(daemon.configuration.project, loaded.project), applied=False)
        project = daemon.configuration.adopt(loaded)
        daemon.forget_secrets()
        changes = daemon.supervisor.reload(project)
        _push_log_limits(daemon, changes)
        daemon.keep_configuration()
        await daemon.saver.flush()
        daemon.chronicle.tell("reloaded", _sentence(changes), data=_names(changes))
        return _reloaded(changes, applied=True)


def need_configuration(daemon: Daemon) -> None:
    """Where none could be used so far: every problem as RpcError `invalid_config`, or `shutting_down` if one
    can be used now, with which a new daemon is about to begin."""
    if daemon.configuration.applied:
        return
    if not daemon.take_up_configuration():
        daemon.configuration.current(daemon.world.base)
    raise errors.shutting_down()


def _push_log_limits(daemon: Daemon, changes: Plan) -> None:
    """The keeper gets the new bounds of all logs, and of those of running components."""
    daemon.bound_logs()
    for name in changes.updated:
        policy = daemon.supervisor.components[name].spec.log
        daemon.link.tell("log", name=name, max_size=policy.max_size, max_files=policy.max_files)


def _names(changes: Plan) -> dict[str, object]:
    return {
        "unchanged": list(changes.unchanged),
        "changed": list(changes.changed),
        "updated": list(changes.updated),
        "added": list(changes.added),
        "removed": list(changes.removed),
    }


def _sentence(changes: Plan) -> str:
    parts = [
        f"{verb} {', '.join(names)}"
        for verb, names in (
            ("restarted", changes.changed),
            ("updated in place", changes.updated),
            ("added", changes.added),
            ("removed", changes.removed),
        )
        if names
    ]
    return "configuration reloaded: " + ("; ".join(parts) if parts else "nothing changed")


def _reloaded(changes: Plan, applied: bool) -> t.Reloaded:
    return t.Reloaded(
        applied=applied,
        unchanged=list(changes.unchanged),
        changed=list(changes.changed),
        updated=list(changes.updated),
        added=list(changes.added),
        removed=list(changes.removed),
    )
