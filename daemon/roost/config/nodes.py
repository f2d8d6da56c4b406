"""YAML text → a tree of nodes that know their line and column.

Scalars stay the text that the file has: `no`, `22:22` and `0777` mean what the reader of a key makes of them,
not what YAML 1.1 would.  Anchors, aliases and merge keys (`<<`) work, within bounds.  Nothing is constructed
from tags, nothing is substituted, and no key of ours is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from .problems import Problems, show

if TYPE_CHECKING:
    import yaml

LARGEST_FILE: Final = 8 * 1024 * 1024
"""Characters; a thousand components need about half of one million."""
DEEPEST: Final = 40
MOST_NODES: Final = 1_000_000
"""Counted with every alias replaced by what it stands for, so that a "billion laughs" file is refused."""

SYNTAX: Final = "syntax"
"""The path of a problem that lies before any key: the text is not YAML, or not the YAML that we take."""

_NOT_YAML: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STANDARD: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = tuple(_STANDARD + name for name in ("int", "float", "bool", "null"))


class Node:
    """A piece of the file.  `line` and `column` are 1-based; `weight` counts it and all that is under it."""

    __slots__ = ("column", "line", "weight")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column
        self.weight = 1


class Scalar(Node):
    """Text.  `plain` text was written without quotes, and so may mean a number, true, false or nothing."""

    __slots__ = ("plain", "text")

    def __init__(self, line: int, column: int, text: str, plain: bool) -> None:
        super().__init__(line, column)
        self.text = text
        self.plain = plain


class Implied(Scalar):
    """A key that the file does not write, because its value may stand alone; no path names it."""

    __slots__ = ()


class Sequence(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, line: int, column: int, items: list[Node]) -> None:
        super().__init__(line, column)
        self.items = items


class Fault(NamedTuple):
    """Something wrong with the keys of a map; who reads the map reports it, knowing its path."""

    node: Node
    message: str
    hint: str


class Mapping(Node):
    """A map: each key once, in the order of the file."""

    __slots__ = ("entries", "faults")

    def __init__(
        self, line: int, column: int, entries: list[tuple[Scalar, Node]], faults: Iterable[Fault] = ()
    ) -> None:
        super().__init__(line, column)
        self.entries = entries
        self.faults = tuple(faults)

    def get(self, name: str) -> tuple[Scalar, Node] | None:
        """The key and value of that name."""
        return next((entry for entry in self.entries if entry[0].text == name), None)


def is_null(node: Node) -> bool:
    """Whether the file says nothing: no text at all, `~` or `null`."""
    return isinstance(node, Scalar) and node.plain and node.text in ("", "~", "null", "Null", "NULL")


def parse(text: str, problems: Problems) -> Node | None:
    """The tree of a YAML document, or None when something is wrong with it; all that is wrong is reported."""
    if len(text) > LARGEST_FILE:
        hint = f"at most {LARGEST_FILE // 1024**2} million characters; is this the right file?"
        problems.error(1, 1, SYNTAX, "the file is too large", hint)
        return None
    text = text.removeprefix("\ufeff")
    strange = _NOT_YAML.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        column = strange.start() - text.rfind("\n", 0, strange.start())
        message = f"the character U+{ord(strange.group()):04X} is not allowed in YAML"
        problems.error(line, column, SYNTAX, message, "remove it, or write it as an escape in double quotes")
        return None
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(problems)
    try:
        node = builder.build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        _report(error, text, problems)
        return None
    return node


def _report(error: yaml.MarkedYAMLError, text: str, problems: Problems) -> None:
    """Put a parser's complaint where it helps: a bracket that is never closed is reported where it opens."""
    mark = error.problem_mark or error.context_mark
    lines = text.split("\n")
    at_end = mark is not None and (mark.line >= len(lines) or not "\n".join(lines[mark.line :]).strip())
    if at_end and error.context_mark is not None:
        mark = error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    rest = lines[line][column:] if line < len(lines) else ""
    problem = error.problem or "it is not understood"
    message = f"this is not YAML: {problem}" + (f" {error.context}" if error.context else "")
    problems.error(line + 1, column + 1, SYNTAX, message, _advice(problem, rest))


def _advice(problem: str, rest: str) -> str:
    if rest.startswith("\t"):
        return "indent with spaces, never with tabs"
    if "mapping values are not allowed" in problem:
        return "put text that contains ': ' in quotes, and indent each key of a map alike"
    if rest[:1] in ("@", "`", "%", "*", "&", "!", "|", ">"):
        return f"put text that begins with {rest[0]} in quotes"
    return "look for a missing quote, bracket or colon, or lines that are not indented alike"


def _place(event: yaml.Event) -> tuple[int, int]:
    """Line and column, 1-based."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


class _Open:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "children", "column", "is_map", "line")

    def __init__(self, line: int, column: int, anchor: str | None, is_map: bool) -> None:
        self.line = line
        self.column = column
        self.anchor = anchor
        self.is_map = is_map
        self.children: list[Node] = []


class _Builder:
    """Makes the tree from the parser's events, without recursion and within the bounds above."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._anchors: dict[str, Node] = {}
        self._stack: list[_Open] = []
        self._documents = 0
        self._root: Node | None = None
        self.fatal = False
        """Something was left out, so that what is there would be misread."""

    def build(self, events: Iterator[object]) -> Node | None:
        import yaml

        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._attach(self._scalar(event), event.anchor)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._open(event, isinstance(event, yaml.MappingStartEvent))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._close()
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        self._refuse(event, "a second document begins here", "keep one document in a file")
            if self.fatal:
                return None
        if self._root is None or is_null(self._root):
            self._problems.error(1, 1, SYNTAX, "the file is empty", "`roost init` writes an example")
            self.fatal = True
        return self._root

    def _refuse(self, event: yaml.Event, message: str, hint: str) -> None:
        """Report what cannot be read on from."""
        self._problems.error(*_place(event), SYNTAX, message, hint)
        self.fatal = True

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        tag = event.tag
        plain = bool(event.implicit[0])
        if tag in _PLAIN_TAGS:
            plain = True
        elif tag not in (None, "!", f"{_STANDARD}str"):
            self._refuse(
                event, f"the tag {show(tag)} is not supported", "remove it: text and numbers need none"
            )
        return Scalar(*_place(event), event.value, plain)

    def _open(self, event: yaml.CollectionStartEvent, is_map: bool) -> None:
        if event.tag not in (None, "!", f"{_STANDARD}{'map' if is_map else 'seq'}"):
            self._refuse(event, f"the tag {show(event.tag)} is not supported", "remove it")
        if len(self._stack) == DEEPEST:
            self._refuse(event, f"nested more than {DEEPEST} levels deep", "nothing in this file needs that")
        self._stack.append(_Open(*_place(event), event.anchor, is_map))

    def _close(self) -> None:
        opened = self._stack.pop()
        node: Node
        if opened.is_map:
            node = _mapping(opened)
        else:
            node = Sequence(opened.line, opened.column, opened.children)
        node.weight += sum(child.weight for child in opened.children)
        if node.weight > MOST_NODES:
            message = f"more than {MOST_NODES} values, once all aliases are replaced"
            self._problems.error(opened.line, opened.column, SYNTAX, message, "use fewer aliases (*name)")
            self.fatal = True
        self._attach(node, opened.anchor)

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self._root = node

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        node = self._anchors.get(name)
        if any(opened.anchor == name for opened in self._stack):
            self._refuse(event, f"*{name} stands for something that contains it", "remove the alias")
        elif node is None:
            self._refuse(
                event, f"*{name} is not defined above", f"write &{name} before the value it stands for"
            )
        else:
            self._attach(node, None)


def _mapping(opened: _Open) -> Mapping:
    """A map from its keys and values in turn; what is merged in (`<<`) comes after the map's own keys."""
    entries: list[tuple[Scalar, Node]] = []
    faults: list[Fault] = []
    sources: list[Node] = []
    lines: dict[str, int] = {}
    for key, value in zip(opened.children[::2], opened.children[1::2], strict=True):
        if not isinstance(key, Scalar):
            faults.append(Fault(key, "a key must be plain text", "write `name: value`"))
        elif key.plain and key.text == "<<":
            sources += value.items if isinstance(value, Sequence) else [value]
        elif key.text in lines:
            message = f"the key {show(key.text)} is already given in line {lines[key.text]}"
            faults.append(Fault(key, message, "keep one of the two"))
        else:
            lines[key.text] = key.line
            entries.append((key, value))
    for source in sources:
        if isinstance(source, Mapping):
            entries += [entry for entry in source.entries if entry[0].text not in lines]
            lines.update((key.text, key.line) for key, _ in source.entries)
            faults += source.faults
        else:
            faults.append(Fault(source, "<< takes a map, or a list of maps", "write `<<: *name`"))
    return Mapping(opened.line, opened.column, entries, faults)
