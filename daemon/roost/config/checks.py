"""What can only be seen with all components side by side: names, dependencies, cycles, ports, references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from roost.core.graph import find_cycle
from roost.core.model import Condition, Dependency, Kind, Policy, Port, Spec, Type

from .component import COMPONENT_NAME
from .dependencies import Wanted
from .drafts import Draft
from .listening import Listed
from .problems import show
from .reader import PortUse, fits

MOST_CYCLES: Final = 20
"""Reported at once; breaking one often breaks others."""

_EVERYWHERE: Final = ("0.0.0.0", "::")


class Together(Struct, frozen=True):
    """The finished components by name, and the groups of replicas."""

    components: dict[str, Spec]
    groups: dict[str, tuple[str, ...]]


def check_together(
    drafts: Sequence[Draft], declared: Set[str], uses: Iterable[PortUse], profiles: frozenset[str] | None
) -> Together:
    """The components with their dependencies resolved.

    `declared` are the names in the file, also of components so wrong that there is no draft: who depends on one
    of those is not wrong as well.  `uses` are the references to ports in the project's own env.  With
    `profiles`, components that belong only to others are left out (after they were checked).
    """
    _check_replica_names(drafts)
    active = {draft.spec.name: draft for draft in drafts if _takes_part(draft.spec, profiles)}
    groups: dict[str, tuple[str, ...]] = {}
    for name, draft in active.items():
        if draft.spec.group is not None:
            groups[draft.spec.group] = (*groups.get(draft.spec.group, ()), name)
    every = {draft.spec.name: draft for draft in drafts}
    unreadable = declared - {draft.key.text for draft in drafts}
    components: dict[str, Spec] = {}
    for draft in drafts:
        dependencies = _dependencies(draft, active, groups, every, unreadable)
        if draft.spec.name in active:
            components[draft.spec.name] = replace(draft.spec, depends_on=dependencies)
    _check_cycles(components, active)
    _check_duplicate_ports(active.values())
    ports = {name: [port.name for port in draft.spec.ports if port.name] for name, draft in active.items()}
    _check_port_uses(uses, None, ports, groups, unreadable)
    for name, draft in active.items():
        _check_port_uses(draft.uses, name, ports, groups, unreadable)
    return Together(components, groups)


def _takes_part(spec: Spec, profiles: frozenset[str] | None) -> bool:
    return profiles is None or not spec.profiles or not profiles.isdisjoint(spec.profiles)


def _check_replica_names(drafts: Iterable[Draft]) -> None:
    """A replica's name must be a name, and nobody else's."""
    taken = {draft.key.text.casefold(): draft for draft in drafts}
    for draft in drafts:
        name = draft.spec.name
        if draft.spec.group is None:
            continue
        other = taken.get(name.casefold())
        if other is not None:
            message = f"the replica {show(name)} has the name of another component (line {other.key.line})"
            draft.at.error(draft.key, message, "rename one of the two")
        if fits(COMPONENT_NAME, draft.spec.group) and not fits(COMPONENT_NAME, name):
            draft.at.error(draft.key, "the names of its replicas are longer than 63 characters", "shorten it")


# -- dependencies -------------------------------------------------------------------------------------


def _dependencies(
    draft: Draft,
    active: dict[str, Draft],
    groups: dict[str, tuple[str, ...]],
    every: dict[str, Draft],
    unreadable: Set[str],
) -> tuple[Dependency, ...]:
    """The edges of one component, a group's name standing for all its members."""
    edges: list[Dependency] = []
    for wanted in draft.wanted:
        targets = groups.get(wanted.target) or ((wanted.target,) if wanted.target in active else ())
        if not targets:
            if draft.spec.name in active and wanted.target not in unreadable:
                _report_unknown(wanted, active, groups, every)
            continue
        _check_condition(draft, wanted, active[targets[0]].spec)
        edges += (
            Dependency(target=name, condition=wanted.condition, restart=wanted.restart, rerun=wanted.rerun)
            for name in targets
        )
    return tuple(edges)


def _report_unknown(
    wanted: Wanted, active: dict[str, Draft], groups: dict[str, tuple[str, ...]], every: dict[str, Draft]
) -> None:
    hidden = next((d for d in every.values() if wanted.target in (d.spec.name, d.spec.group)), None)
    if hidden is not None:
        profile = hidden.spec.profiles[0] if hidden.spec.profiles else ""
        message = f"{wanted.target} does not take part without its profile"
        wanted.at.error(wanted.node, message, f"add --profile {profile}, or give both the same profiles")
        return
    close = wanted.at.problems.nearest(wanted.target, [*active, *groups])
    hint = f"did you mean '{close}'?" if close else "name a component of this file"
    wanted.at.error(wanted.node, f"there is no component {show(wanted.node.text)}", hint)


def _check_condition(draft: Draft, wanted: Wanted, target: Spec) -> None:
    """Conditions that can never hold are errors; one that hardly says what was meant is a warning."""
    at, node = wanted.at, wanted.node
    if wanted.condition is Condition.COMPLETED and target.kind is Kind.EXTERNAL:
        at.error(node, f"{wanted.target} is external and never completes", "wait for it to be ready")
    elif wanted.condition is Condition.COMPLETED and target.restart.policy is Policy.ALWAYS:
        what = "a service" if target.type is Type.SERVICE else "a task"
        message = f"{wanted.target} is {what} that is always restarted, so it never completes"
        at.error(node, message, f"wait for it to be ready, or make {wanted.target} a task")
    elif wanted.condition is Condition.READY and target.type is Type.TASK:
        if target.restart.policy is Policy.ALWAYS:
            message = f"{wanted.target} is a task that is always restarted, so it is never done"
            at.error(node, message, "wait for it to be started, or make it a service")
        else:
            message = f"{wanted.target} is a task, so this waits until it is completed"
            at.warn(node, message, "write completed, which says so")
    if wanted.rerun and draft.spec.type is not Type.TASK:
        at.error(node, "rerun is for a task, and this is a service", "use restart: true")
    elif wanted.rerun and wanted.condition is not Condition.COMPLETED:
        at.error(node, "rerun needs the condition completed", "write {condition: completed, rerun: true}")


def _check_cycles(components: dict[str, Spec], drafts: dict[str, Draft]) -> None:
    """Report each cycle with its whole path (S67); `rerun` triggers follow the same edges."""
    edges = {name: [edge.target for edge in spec.depends_on] for name, spec in components.items()}
    for _ in range(MOST_CYCLES):
        cycle = find_cycle(edges)
        if cycle is None:
            return
        name, target = cycle[0], cycle[1]
        draft = drafts[name]
        group = drafts[target].spec.group
        wanted = next((w for w in draft.wanted if w.target in (target, group)), None)
        if wanted is not None:
            path = " -> ".join(cycle)
            hint = "remove one of these dependencies"
            wanted.at.error(wanted.node, f"these depend on each other in a circle: {path}", hint)
        edges[name] = [edge for edge in edges[name] if edge != target]


# -- ports --------------------------------------------------------------------------------------------


def _check_duplicate_ports(drafts: Iterable[Draft]) -> None:
    """Two components, or two replicas, cannot listen on one port of this machine (S78)."""
    taken: dict[tuple[int, str], list[tuple[Draft, Listed]]] = {}
    for draft in drafts:
        for listed in draft.ports:
            port = listed.port
            if port.port is None:
                continue
            others = taken.setdefault((port.port, port.protocol), [])
            other = next(
                (o for o, used in others if _overlap(used.port, port) and _together(o.spec, draft.spec)), None
            )
            if other is not None:
                _report_duplicate(draft, other, listed)
            others.append((draft, listed))


def _together(one: Spec, other: Spec) -> bool:
    """Whether two components can be meant to run at once; of disjoint profiles, one is for the other."""
    alone = one.profiles and other.profiles and set(one.profiles).isdisjoint(other.profiles)
    return not alone


def _overlap(one: Port, other: Port) -> bool:
    return one.address == other.address or one.address in _EVERYWHERE or other.address in _EVERYWHERE


def _report_duplicate(draft: Draft, other: Draft, listed: Listed) -> None:
    if other.spec.name == draft.spec.name:
        message, hint = f"port {listed.port.port} is listed twice", "keep one of the two"
    elif other.spec.group is not None and other.spec.group == draft.spec.group:
        message = f"every replica would listen on port {listed.port.port}"
        hint = "write {http: auto}, or use ${ROOST_REPLICA} in it"
    else:
        message = f"port {listed.port.port} is already used by {other.spec.group or other.spec.name}"
        hint = "choose another, or auto"
    listed.at.error(listed.node, message, hint)


def _check_port_uses(
    uses: Iterable[PortUse],
    user: str | None,
    ports: dict[str, list[str]],
    groups: dict[str, tuple[str, ...]],
    unreadable: Set[str],
) -> None:
    """Every `${port.NAME}` must name a port that is there; `user` is the component that it stands in."""
    for use in uses:
        owner = user if use.component is None else use.component
        if owner is None:
            hint = f"write ${{port.COMPONENT.{use.port}}}"
            use.at.error(use.node, f"{_reference(use)} says no component, and this is for all of them", hint)
        elif owner in groups:
            hint = f"name one of them: {groups[owner][0]}"
            use.at.error(use.node, f"{owner} has replicas, each with ports of its own", hint)
        elif owner in unreadable:
            continue
        elif owner not in ports:
            close = use.at.problems.nearest(owner, ports)
            hint = f"did you mean '{close}'?" if close else "name a component of this file"
            use.at.error(use.node, f"{_reference(use)} names no component", hint)
        elif use.port not in ports[owner]:
            close = use.at.problems.nearest(use.port, ports[owner])
            whose = "this component" if use.component is None else owner
            hint = (
                f"did you mean '{close}'?" if close else f"add to the ports of {whose}: {{{use.port}: auto}}"
            )
            use.at.error(use.node, f"{_reference(use)} names no port of {whose}", hint)


def _reference(use: PortUse) -> str:
    return show("${port." + (f"{use.component}." if use.component else "") + use.port + "}")
