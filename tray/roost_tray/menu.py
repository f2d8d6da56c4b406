"""The menu as a function of what is known and of what the platform can do.  Pure: no toolkit, no clock.

A project of a few components shows them in the order of its configuration, so that each keeps its place and
an open menu can stay open.  Of many only those that are not well are shown at once; the rest is behind
"More", in ranges where even that is long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from roost.client.shapes import ComponentStatus, Desired
from roost.client.shapes import State as Life

from . import summary
from .commands import LEVELS, Command, Verb
from .labels import clip, label
from .model import Capabilities, Item, Kind, Menu, Rendered
from .summary import GLYPHS, Moment
from .world import Level, Presence, ProjectView, World

FEW = 10
"""So many components are all shown in their project's own menu."""
RANGE = 20
"""So many lines a menu behind "More" has at most before it is divided."""
MANY = 200
"""So many components are behind "More"; of the others there is only the number."""

_LEVEL_LABELS = {Level.OFF: "Off", Level.FAILURES: "Failures only", Level.ALL: "All"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the menu shows of the tray itself.  `at_login` is None where that cannot be known."""

    level: Level = Level.FAILURES
    at_login: bool | None = None


def render(
    world: World,
    settings: Settings,
    capabilities: Capabilities,
    wall: float,
    local: Callable[[float], time.struct_time] = time.localtime,
) -> Rendered:
    """What is to be seen at `wall`, in seconds since 1970; `local` makes such a time one of the wall clock."""
    moment = Moment(wall, capabilities.edit_in_place, local)
    still = Moment(wall, False, local)
    return Rendered(
        state=summary.world_state(world),
        tooltip=clip(summary.status_line(world, still), capabilities.tooltip_length or 120),
        menu=_menu(world, settings, capabilities, moment) if capabilities.menu else Menu(),
    )


def _menu(world: World, settings: Settings, capabilities: Capabilities, moment: Moment) -> Menu:
    items = [_text("status", summary.status_line(world, moment))]
    if world.problem:
        items.append(_text("problem", f"! {world.problem}"))
    if len(world.projects) == 1:
        items += [_separator("top"), *_project_items(world.projects[0], moment)]
    elif world.projects:
        items += [_separator("top"), *(_project(project, moment) for project in world.projects)]
    items += [
        _separator("settings"),
        _notifications(settings.level),
        _login(settings.at_login),
        _separator("end"),
        _action(Command(Verb.QUIT), "Quit tray"),
        _action(Command(Verb.STOP_AND_QUIT), "Stop everything and quit"),
    ]
    menu = Menu(tuple(_fitted(items, capabilities)))
    return _with_default(menu, _default(world)) if capabilities.default_action else menu


def _default(world: World) -> str:
    """What a click on the icon itself does: explain what is worst, or show the project's folder."""
    if not world.projects:
        return ""
    project = summary.worst_project(world)
    bad = summary.unwell(project) if project.presence is Presence.RUNNING else []
    return (
        Command(Verb.WHY, project.root, bad[0].name) if bad else Command(Verb.OPEN_FOLDER, project.root)
    ).id


def _with_default(menu: Menu, id: str) -> Menu:
    def marked(item: Item) -> Item:
        if item.children:
            return replace(item, children=tuple(map(marked, item.children)))
        return replace(item, default=True) if item.id == id else item

    return Menu(tuple(map(marked, menu.items)))


def _notifications(level: Level) -> Item:
    choices = [
        replace(_action(Command(verb), _LEVEL_LABELS[choice]), checked=choice is level, radio=True)
        for verb, choice in LEVELS.items()
    ]
    return _submenu("notifications", "Notifications", choices)


def _login(at_login: bool | None) -> Item:
    item = _action(Command(Verb.LOGIN), "Start at login", enabled=at_login is not None)
    return replace(item, checked=bool(at_login))


# -- a project -----------------------------------------------------------------------------------------


def _project(project: ProjectView, moment: Moment) -> Item:
    glyph = GLYPHS[summary.project_state(project)]
    text = f"{glyph} {project.name}: {summary.project_words(project, moment)}"
    return _submenu(f"project|{project.root}", text, list(_project_items(project, moment)))


def _project_items(project: ProjectView, moment: Moment) -> Iterator[Item]:
    """Its actions, then its components."""
    root = project.root
    components = project.status.components if project.status is not None else []
    answers = project.presence is Presence.RUNNING
    ours = [one for one in components if one.kind != "external"]
    alive = answers and any(_is_alive(one) for one in ours)
    idle = not answers or not components or any(_can_start(one) for one in ours)
    yield _action(Command(Verb.START_ALL, root), "Start all", enabled=idle)
    yield _action(Command(Verb.STOP_ALL, root), "Stop all", enabled=alive)
    yield _action(Command(Verb.RESTART_ALL, root), "Restart all", enabled=alive)
    yield _action(Command(Verb.RELOAD, root), "Reload", enabled=answers)
    yield _action(Command(Verb.OPEN_FOLDER, root), "Open folder")
    yield _action(Command(Verb.COPY_STATUS, root), "Copy status")
    if project.status is not None and project.status.project.config_stale and answers:
        yield _text(f"stale|{root}", "roost.yaml has changed since it was applied")
    if components:
        yield _separator(f"components|{root}")
        yield from _components(project, components, moment)


def _components(
    project: ProjectView, components: Sequence[ComponentStatus], moment: Moment
) -> Iterator[Item]:
    if len(components) <= FEW:
        yield from (_component(project, one, moment) for one in components)
        return
    first = summary.unwell(project)[:FEW]
    named = {one.name for one in first}
    rest = [one for one in components if one.name not in named]
    yield from (_component(project, one, moment) for one in first)
    shown = [_component(project, one, moment) for one in rest[:MANY]]
    yield _submenu(f"more|{project.root}", "More", _ranges(project, rest, shown))


def _ranges(project: ProjectView, rest: Sequence[ComponentStatus], items: list[Item]) -> list[Item]:
    """The items behind "More"; too many of them by ranges, each named by its first and its last."""
    lines = items
    if len(items) > RANGE:
        lines = [
            _submenu(
                f"more|{project.root}|{begin}",
                f"{rest[begin].name} … {rest[min(begin + RANGE, len(items)) - 1].name}",
                items[begin : begin + RANGE],
            )
            for begin in range(0, len(items), RANGE)
        ]
    if len(rest) > len(items):
        left = len(rest) - len(items)
        lines = [*lines, _text(f"rest|{project.root}", f"and {left} more: roost status shows them")]
    return lines


def _component(project: ProjectView, component: ComponentStatus, moment: Moment) -> Item:
    glyph = GLYPHS[summary.shown_state(project, component)]
    text = f"{glyph} {component.name}: {summary.component_words(component, moment)}"
    return _submenu(
        f"component|{project.root}|{component.name}", text, list(_component_items(project, component))
    )


def _component_items(project: ProjectView, component: ComponentStatus) -> Iterator[Item]:
    def action(verb: Verb, text: str, enabled: bool = True) -> Item:
        return _action(Command(verb, project.root, component.name), text, enabled)

    answers = project.presence is Presence.RUNNING
    if component.url:
        yield action(Verb.OPEN_URL, "Open URL")
    if component.kind != "external":
        yield action(Verb.VIEW_LOG, "View log")
        yield action(Verb.RESTART, "Restart", enabled=answers)
        if _is_alive(component):
            yield action(Verb.STOP, "Stop", enabled=answers)
        else:
            yield action(Verb.START, "Start", enabled=answers)
    yield action(Verb.WHY, "Why?", enabled=answers)


def _is_alive(component: ComponentStatus) -> bool:
    """Whether there is something to stop: it runs, or it is wanted and on its way."""
    return component.state not in (Life.STOPPED, Life.FAILED, Life.COMPLETED)


def _can_start(component: ComponentStatus) -> bool:
    return component.desired is Desired.STOPPED or component.state is Life.FAILED


# -- items ---------------------------------------------------------------------------------------------


def _action(command: Command, text: str, enabled: bool = True) -> Item:
    return Item(command.id, text, enabled=enabled)


def _text(id: str, text: str) -> Item:
    return Item(id, text, Kind.TEXT, enabled=False)


def _separator(id: str) -> Item:
    return Item(f"separator|{id}", kind=Kind.SEPARATOR, enabled=False)


def _submenu(id: str, text: str, children: Sequence[Item]) -> Item:
    return Item(id, text, Kind.SUBMENU, children=tuple(children))


def _fitted(items: Sequence[Item], capabilities: Capabilities, indent: str = "") -> Iterator[Item]:
    """The items as the platform can show them: labels made safe, marks and submenus spelt out where needed."""
    for item in items:
        text = label(item.label, capabilities.label_length, capabilities.mnemonic)
        if item.checked is not None and not capabilities.checkmarks:
            text = f"{'✓ ' if item.checked else ''}{text}"
            item = replace(item, checked=None, radio=False)
        text = indent + text
        if item.kind is not Kind.SUBMENU:
            yield item if text == item.label else replace(item, label=text)
        elif capabilities.submenu:
            yield replace(item, label=text, children=tuple(_fitted(item.children, capabilities)))
        else:
            yield replace(item, label=text, kind=Kind.TEXT, enabled=False, children=())
            if not item.id.startswith("more|"):
                yield from _fitted(item.children, capabilities, indent + "    ")
