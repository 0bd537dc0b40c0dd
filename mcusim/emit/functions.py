"""C functions under construction: lines, buffers declared on top, constants of the weights they are given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


def identifier(name: str) -> str:
    """A name of the schedule as a C identifier."""
    return re.sub(r"\W+", "_", name).strip("_")


@dataclass
class Function:
    """One sublayer of the schedule as C.

    ``prefix`` is cut from the names of leaves, so that sublayers that differ in their weights alone have the
    same text; ``constants`` are what differs: field -> (C type, C value).  ``any_state``: its one state is a
    constant too.
    """

    prefix: str
    any_state: bool = False
    lines: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    constants: dict[str, tuple[str, str]] = field(default_factory=dict)
    depth: int = 1
    loops: int = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def call(self, function: str, *arguments: object) -> None:
        self.line(f"{function}({', '.join(map(str, arguments))});")

    def declare(self, name: str, text: str) -> str:
        """A variable on top of the function, under a name of its own."""
        self.declared.setdefault(name, text)
        assert self.declared[name] == text, f"{name} is declared twice: {self.declared[name]} and {text}"
        return name

    def constant(self, leaf: str, part: str, kind: str, value: str) -> str:
        """``p->NAME``, a constant of a leaf."""
        name = identifier(f"{leaf.removeprefix(self.prefix)} {part}")
        self.constants.setdefault(name, (kind, value))
        assert self.constants[name] == (kind, value), f"{name} has two values"
        return f"p->{name}"

    def own(self, leaf: str, part: str, kind: str, value: str) -> str:
        """The same under a name that no other constant has."""
        stem = identifier(f"{leaf.removeprefix(self.prefix)} {part}")
        taken = sum(name.startswith(stem) for name in self.constants)
        return self.constant(leaf, f"{part} {taken}", kind, value)

    @property
    def body(self) -> str:
        declared = "".join(f"    {text}\n" for text in self.declared.values())
        return declared + "".join(f"{line}\n" for line in self.lines)

    @property
    def fields(self) -> str:
        return "".join(f"    {kind} {name};\n" for name, (kind, _) in self.constants.items())

    @property
    def values(self) -> str:
        return ", ".join(value for _, value in self.constants.values())
