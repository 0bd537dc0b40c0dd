"""The bound of the stack: the deepest chain of calls, pointers included, recursions refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))
from stack_bound import CallGraph, deepest, read_graph

CI = """graph: { title: "a.c"
node: { title: "rr_bare_start" label: "rr_bare_start\\na.c:1:1\\n8 bytes (static)" }
node: { title: "a.c:inner" label: "inner\\na.c:2:1\\n100 bytes (static)" }
node: { title: "unused" label: "unused\\na.c:3:1\\n900 bytes (static)" }
node: { title: "memcpy" label: "memcpy\\nb.h:1:1" shape : ellipse }
edge: { sourcename: "rr_bare_start" targetname: "a.c:inner" label: "a.c:5:1" }
edge: { sourcename: "a.c:inner" targetname: "memcpy" label: "a.c:6:1" }
}
"""


def test_a_chain_of_calls_is_the_sum_of_its_frames(tmp_path: Path) -> None:
    (tmp_path / "a.ci").write_text(CI)
    graph = read_graph([tmp_path / "a.ci"], frozenset({"rr_bare_start", "inner", "memcpy"}))
    assert deepest(graph, "rr_bare_start") == 108


def test_a_call_through_a_pointer_is_the_deepest_that_nobody_calls_by_name() -> None:
    frames = {"rr_bare_start": 8, "f": 16, "callback": 200, "other": 50}
    calls = {"rr_bare_start": frozenset({"f"}), "f": frozenset({"__indirect_call"})}
    assert deepest(CallGraph(frames, calls), "rr_bare_start") == 224


def test_a_recursion_and_an_open_frame_have_no_bound(tmp_path: Path) -> None:
    calls = {"rr_bare_start": frozenset({"f"}), "f": frozenset({"f"})}
    with pytest.raises(ValueError, match="f -> f is a recursion"):
        deepest(CallGraph({"rr_bare_start": 8, "f": 16}, calls), "rr_bare_start")
    (tmp_path / "a.ci").write_text(CI.replace("100 bytes (static)", "100 bytes (dynamic)"))
    with pytest.raises(ValueError, match="has no bound"):
        read_graph([tmp_path / "a.ci"], frozenset({"inner"}))
