"""The deepest chain of calls of a linked program, from what GCC writes with ``-fcallgraph-info=su``.

Assembly without figures (a C library's or the compiler's own) counts nothing; a call through a pointer counts
as the deepest function that nobody calls by name, but for those that only print through one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
SIZE = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
INDIRECT = "__indirect_call"
ENTRIES = frozenset({"rr_reset", "rr_fault", "rr_bare_start"})  # of the exported boards
# What these call through a pointer is the function that they print with, and nothing else.
PRINTERS, PRINTS = frozenset({"rr_put_number", "rr_report"}), frozenset({"rr_board_put"})


@dataclass(frozen=True)
class CallGraph:
    """``frame`` maps a function to its bytes of stack, ``calls`` to what it calls."""

    frame: dict[str, int]
    calls: dict[str, frozenset[str]]


def _plain(title: str) -> str:
    """Static functions are titled ``file:name``."""
    return title.rpartition(":")[2]


def read_graph(files: Iterable[Path], linked: frozenset[str]) -> CallGraph:
    """The graph of the functions in ``linked``, from ``.ci`` files.

    Raises ValueError for a function whose frame has no fixed size.
    """
    frame: dict[str, int] = {}
    calls: defaultdict[str, set[str]] = defaultdict(set)
    for path in files:
        text = path.read_text()
        for title, label in NODE.findall(text):
            size = SIZE.search(label)
            if size is None or _plain(title) not in linked:
                continue
            if size[2] == "dynamic":
                raise ValueError(f"{path}: the frame of {title} has no bound.")
            frame[_plain(title)] = max(int(size[1]), frame.get(_plain(title), 0))
        for caller, called in EDGE.findall(text):
            calls[_plain(caller)].add(_plain(called))
    return CallGraph(frame, {name: frozenset(calls[name]) for name in frame})


def deepest(graph: CallGraph, root: str, entries: frozenset[str] = ENTRIES) -> int:
    """Bytes of stack below the entry of ``root``, itself included; ``entries`` are called by no function.

    Raises ValueError for a recursion: it has no bound.
    """
    called = {name for names in graph.calls.values() for name in names}
    by_pointer = frozenset(name for name in graph.frame if name not in called | entries | {root})
    open_calls: list[str] = []

    @cache
    def depth(name: str) -> int:
        if name in open_calls:
            raise ValueError(f"{' -> '.join([*open_calls, name])} is a recursion.")
        open_calls.append(name)
        targets = graph.calls.get(name, frozenset())
        if INDIRECT in targets:
            pointed = PRINTS if name.partition(".")[0] in PRINTERS else by_pointer
            targets = (targets - {INDIRECT}) | (pointed & by_pointer - set(open_calls))
        below = max((depth(target) for target in targets), default=0)
        open_calls.pop()
        return graph.frame.get(name, 0) + below

    return depth(root)
