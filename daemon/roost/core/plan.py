"""What a changed configuration means for what runs: the plan of a reload (S55, S56).  Pure."""

from __future__ import annotations

from msgspec import Struct

from .model import Project, Spec


class Plan(Struct, frozen=True, kw_only=True):
    """Names by what happens to them, each in the order of the file.

    `changed` are restarted; `updated` go on with the same pid under new rules (probes, restart policy,
    dependencies, texts); `unchanged` are not touched.
    """

    unchanged: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.changed or self.updated or self.added or self.removed)


def plan(old: Project, new: Project) -> Plan:
    """How to get from one project to the other."""
    common = [name for name in new.components if name in old.components]
    verdicts = {name: _verdict(old.components[name], new.components[name]) for name in common}
    return Plan(
        unchanged=tuple(name for name in common if verdicts[name] == "unchanged"),
        changed=tuple(name for name in common if verdicts[name] == "changed"),
        updated=tuple(name for name in common if verdicts[name] == "updated"),
        added=tuple(name for name in new.components if name not in old.components),
        removed=tuple(name for name in old.components if name not in new.components),
    )


def _verdict(old: Spec, new: Spec) -> str:
    if old == new:
        return "unchanged"
    return "updated" if old.digest() == new.digest() else "changed"
