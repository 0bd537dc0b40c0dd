"""Results as comparable rows: intervals, and each variant paired with the float run on the same puzzles."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.lab.cell import Result
from refimpl.lab.variant import FLOAT
from refimpl.quantize.emulate import EXACT
from refimpl.tasks.significance import Interval, McNemar, mcnemar_exact, wilson_interval


@dataclass(frozen=True)
class Row:
    """One variant; ``paired`` is None where no float run of the same network, depth and puzzles exists."""

    result: Result
    interval: Interval
    paired: McNemar | None
    change: float | None

    @property
    def exact(self) -> float:
        return self.result.exact.count("1") / self.result.puzzles

    @property
    def cell(self) -> float:
        return self.result.cells_right / self.result.cells

    @property
    def kind(self) -> str:
        """``float``, ``emulated`` or ``integer``."""
        variant = self.result.variant
        if variant.integer:
            return "integer"
        return "float" if variant.weights == EXACT and variant.activations == FLOAT else "emulated"

    @property
    def formats(self) -> str:
        variant = self.result.variant
        if self.kind == "float":
            return "float32"
        single = " single" if variant.rounding == "single" else ""
        return f"{variant.weights} {variant.activations} {variant.carry}{single}"

    @property
    def depth(self) -> str:
        return f"{self.result.variant.H_cycles}x{self.result.variant.steps}"


def compare(results: list[Result]) -> list[Row]:
    """Rows by network and depth, the float run first, large packages before small ones."""
    floats = {_group(r): r for r in results if r.variant == r.variant.reference()}

    def row(result: Result) -> Row:
        right = result.exact.count("1")
        reference = floats.get(_group(result))
        paired, change = None, None
        if reference is not None and reference is not result:
            paired = mcnemar_exact(reference.solved, result.solved)
            change = (right - reference.exact.count("1")) / result.puzzles
        return Row(result, wilson_interval(right, result.puzzles), paired, change)

    ranked = sorted(results, key=lambda r: (_group(r), r is not floats.get(_group(r)), _formats_key(r)))
    return [row(result) for result in ranked]


def _formats_key(result: Result) -> tuple[bool, str, str, int, str, str]:
    """Integer programs first; the same whatever order cells finished in."""
    v = result.variant
    return not v.integer, v.activations, v.carry, -result.costs.package_bytes, v.weights, v.rounding


def _group(result: Result) -> tuple[str, int, int, str]:
    variant = result.variant
    return variant.network, variant.H_cycles, variant.steps, result.origin
