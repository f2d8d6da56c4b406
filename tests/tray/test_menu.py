"""The menu: what it says and offers on each platform, whichever machine the test runs on (P15)."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from roost_tray.commands import Command, Verb
from roost_tray.menu import FEW, Settings, render
from roost_tray.model import Capabilities, Item, Kind, Rendered, State
from roost_tray.world import Level, Presence, World
from tray.scenes import (
    LINUX,
    PLATFORMS,
    SHOP,
    WALL,
    WINDOWS,
    component,
    find,
    project,
    restarting,
    stopped,
    text_of,
    world,
)

GOLDEN = Path(__file__).with_name("golden")
BLOG = project(name="blog", presence=Presence.STOPPED)


def shown(
    seen: World, capabilities: Capabilities = LINUX, settings: Settings | None = None, wall: float = WALL
) -> Rendered:
    """What is rendered, by a clock on the wall that shows UTC."""
    return render(seen, settings or Settings(at_login=True), capabilities, wall, time.gmtime)


def labels(item: Item) -> list[str]:
    """What is in a submenu."""
    return [child.label for child in item.children]


@pytest.mark.parametrize("capabilities", PLATFORMS, ids=lambda platform: platform.name)
@pytest.mark.parametrize(
    ("scene", "seen"),
    [
        ("one", world(SHOP)),
        ("two", world(SHOP, BLOG, problem="could not restart api: it is not in roost.yaml")),
        ("none", world()),
    ],
)
def test_the_menu_is_the_golden_one(scene: str, seen: World, capabilities: Capabilities) -> None:
    """Word for word, for Linux, macOS and Windows, on every machine."""
    rendered = shown(seen, capabilities)
    text = f"icon: {rendered.state}\ntooltip: {rendered.tooltip}\n\n{text_of(rendered.menu)}"
    assert text == (GOLDEN / f"{scene}-{capabilities.name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("capabilities", PLATFORMS, ids=lambda platform: platform.name)
def test_the_contract_s_labels_are_there_to_the_letter(capabilities: Capabilities) -> None:
    """INTERFACES.md §5 names seven labels; other programs look for them."""
    found = {item.label for item in shown(world(SHOP), capabilities).menu.walk()}
    assert found >= {
        "Restart", "Stop", "Start", "View log", "Start at login", "Quit tray", "Stop everything and quit",
    }  # fmt: skip


def test_every_item_has_an_id_of_its_own_that_is_its_command() -> None:
    """An id is unique in its menu, and the command that it stands for is read from it again."""
    seen = world(project(*(component(f"c{number}") for number in range(60)), name="a|b"), SHOP)
    items = list(shown(seen).menu.walk())
    assert len({item.id for item in items}) == len(items)
    for item in items:
        command = Command.of(item.id)
        assert (command is not None) == (item.kind is Kind.ACTION), item.id
        assert command is None or command.id == item.id
    assert Command(Verb.RESTART, "/home/jo/a|b", "c7") in [Command.of(item.id) for item in items]


# -- what can be chosen --------------------------------------------------------------------------------


def test_a_component_offers_what_can_be_done_with_it() -> None:
    """What is alive can be stopped, what is not can be started; a URL is offered by those who have one."""
    menu = shown(world(SHOP)).menu
    assert labels(find(menu, "● db: running")) == ["Open URL", "View log", "Restart", "Stop", "Why?"]
    assert labels(find(menu, "○ mail…")) == ["View log", "Restart", "Start", "Why?"]
    assert labels(find(menu, "▲ api…")) == ["Open URL", "View log", "Restart", "Stop", "Why?"]


def test_what_is_external_is_never_started_or_stopped() -> None:
    """An external component is only watched: no action of ours is offered."""
    assert labels(find(shown(world(SHOP)).menu, "● ollama…")) == ["Why?"]


def test_a_stopped_project_can_be_started_and_nothing_else() -> None:
    """Without a daemon the tray offers to start everything, which starts a keeper, and to open the folder."""
    menu = shown(world(BLOG)).menu
    able = [item.label for item in menu.walk() if item.enabled and Command.of(item.id)]
    assert able[:3] == ["Start all", "Open folder", "Copy status"]
    assert not find(menu, "Stop all").enabled
    assert not find(menu, "Reload").enabled


def test_a_silent_daemon_leaves_the_logs_readable() -> None:
    """Unreachable: what was last known is shown as such; files can be read, and a start is offered."""
    rendered = shown(world(dataclasses.replace(SHOP, presence=Presence.UNREACHABLE)))
    assert rendered.state is State.UNREACHABLE
    assert find(rendered.menu, "shop: the daemon does not answer").kind is Kind.TEXT
    assert find(rendered.menu, "⊘ db: running", "View log").enabled
    assert not find(rendered.menu, "⊘ db: running", "Restart").enabled
    assert find(rendered.menu, "Start all").enabled


def test_everything_stopped_offers_no_stop() -> None:
    """Of a project in which nothing runs there is nothing to stop or to restart."""
    menu = shown(world(project(stopped("a"), stopped("b")))).menu
    assert [find(menu, name).enabled for name in ("Start all", "Stop all", "Restart all")] == [
        True,
        False,
        False,
    ]
    assert find(menu, "shop: 2 components, stopped")


def test_choices_show_what_holds() -> None:
    """The level of notifications is one of three; `Start at login` is checked only if that is the truth."""
    menu = shown(world(), settings=Settings(Level.ALL, at_login=False)).menu
    assert [item.checked for item in find(menu, "Notifications").children] == [False, False, True]
    assert find(menu, "Start at login").checked is False
    unknown = find(shown(world(), settings=Settings(at_login=None)).menu, "Start at login")
    assert not unknown.enabled


def test_a_click_on_the_icon_explains_what_is_worst() -> None:
    """Where the platform has such a click: `Why?` of the worst component; where all is well, the folder."""

    def default(seen: World, capabilities: Capabilities = WINDOWS) -> list[str]:
        return [item.id for item in shown(seen, capabilities).menu.walk() if item.default]

    assert default(world(BLOG, SHOP)) == [Command(Verb.WHY, SHOP.root, "api").id]
    assert default(world(project(component("a")))) == [Command(Verb.OPEN_FOLDER, SHOP.root).id]
    assert default(world()) == default(world(SHOP), LINUX) == []


def test_a_changed_configuration_is_said() -> None:
    """A roost.yaml that is not the one that runs has its line, beside `Reload`."""
    assert find(shown(world(project(component("a"), stale=True))).menu, "roost.yaml has changed…")


# -- many ----------------------------------------------------------------------------------------------


def test_few_components_keep_their_order() -> None:
    """Up to ten stand as configured whatever happens to them, so that an open menu can stay open."""
    well = [component(f"c{number}") for number in range(FEW)]
    ill = [*well[:-1], restarting(f"c{FEW - 1}", 4)]
    assert shown(world(project(*ill))).menu.shape == shown(world(project(*well))).menu.shape


def test_of_fifty_those_that_are_not_well_come_first() -> None:
    """The worst first, at most ten of them; the rest behind More, by ranges of twenty."""
    components = [component(f"c{number}") for number in range(50)]
    components[40] = restarting("c40", 9)
    components[44] = component("c44", state="failed", ready=False, reason="exit code 2")
    menu = shown(world(project(*components))).menu
    tops = [item.label for item in menu.items if item.id.startswith(("component|", "more|"))]
    assert tops == ["✖ c44: failed: exit code 2", "▲ c40: restarting in 9 s (exit code 1)", "More"]
    assert labels(find(menu, "More")) == ["c0 … c19", "c20 … c39", "c41 … c49"]
    assert find(menu, "More", "c20 … c39", "● c21: running", "Restart")
    assert len(menu.items) < 20


def test_a_thousand_components_do_not_make_a_thousand_lines() -> None:
    """Behind More there are two hundred at most, and the number of the others."""
    menu = shown(world(project(*(component(f"c{number}") for number in range(1000))))).menu
    assert len(list(menu.walk())) < 1200
    assert labels(find(menu, "More"))[-1] == "and 800 more: roost status shows them"


# -- words ---------------------------------------------------------------------------------------------


def test_mnemonics_are_escaped_as_the_toolkit_asks() -> None:
    """An underscore or an ampersand in a name is seen, and underlines nothing."""
    assert find(shown(world(SHOP), LINUX).menu, "● web__ui: running")
    assert find(shown(world(SHOP), WINDOWS).menu, "● R&&D: running")


def test_hostile_text_is_one_harmless_line() -> None:
    """Terminal sequences, line breaks, marks of direction and a very long reason do no harm to a label."""
    reason = "\x1b[31mboom\x1b[0m\r\n\tat\u202e line 7\u2028 " + "x" * 500
    bad = component("api", state="failed", ready=False, reason=reason)
    item = find(shown(world(project(bad))).menu, "✖ api…")
    assert item.label.startswith("✖ api: failed: boom at line 7 xxx")
    assert len(item.label) == LINUX.label_length
    assert item.label.endswith("x…")


@pytest.mark.parametrize("capabilities", PLATFORMS, ids=lambda platform: platform.name)
def test_the_tooltip_fits(capabilities: Capabilities) -> None:
    """Windows raises an error past 127 characters."""
    many = project(*(component("n" * 60 + str(n), state="failed", ready=False) for n in range(3)))
    assert len(shown(world(many), capabilities).tooltip) <= (capabilities.tooltip_length or 120)


def test_time_is_counted_down_only_where_a_label_can_change_in_place() -> None:
    """Elsewhere the line says at what time: true for as long as it stands."""
    seen = world(SHOP)
    assert find(shown(seen, wall=WALL + 2.5).menu, "shop: 5 of 6 ready, api restarting in 2 s")
    assert find(shown(seen, wall=WALL + 9).menu, "shop: 5 of 6 ready, api restarting now")
    assert shown(seen, WINDOWS, wall=WALL + 2.5) == shown(seen, WINDOWS)
    assert shown(seen, wall=WALL + 2.5).menu.shape == shown(seen).menu.shape


def test_of_several_projects_the_worst_is_named() -> None:
    """The status line is about the project that a person wants to know of first."""
    failed = project(component("job", state="failed", ready=False, reason="exit code 9"), name="batch")
    line = shown(world(SHOP, failed, BLOG)).menu.items[0].label
    assert line == "batch: 0 of 1 ready, job failed (and 2 more projects)"


# -- what a platform cannot do -------------------------------------------------------------------------


def test_without_submenus_everything_stands_below_its_title() -> None:
    """The labels stay the same, moved in; what is behind More is left out."""
    flat = dataclasses.replace(LINUX, submenu=False)
    menu = shown(world(SHOP), flat).menu
    assert all(item.kind is not Kind.SUBMENU for item in menu.walk())
    lines = [item.label for item in menu.items]
    assert lines[lines.index("▲ api: restarting in 4 s (exit code 1)") + 3] == "    Restart"


def test_without_marks_the_label_says_what_is_checked() -> None:
    """A tick before the text stands for the mark."""
    bare = dataclasses.replace(LINUX, checkmarks=False)
    menu = shown(world(SHOP), bare).menu
    assert find(menu, "✓ Start at login").checked is None
    assert labels(find(menu, "Notifications")) == ["Off", "✓ Failures only", "All"]


def test_a_lamp_has_no_menu() -> None:
    """An icon without a menu still has its state and its tooltip."""
    rendered = shown(world(SHOP), dataclasses.replace(LINUX, menu=False))
    assert rendered.menu.items == ()
    assert rendered.state is State.DEGRADED
