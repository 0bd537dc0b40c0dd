"""Results as comparable rows: intervals, and each variant paired with the float run on the same puzzles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from refimpl.formats import FLOAT32
from refimpl.formats.weights import Noise
from workbench.evaluate import Stopping, stopping_counts
from workbench.lab.cell import Result
from workbench.tasks.significance import Interval, McNemar, mcnemar_exact, wilson_interval


@dataclass(frozen=True)
class Row:
    """One variant.

    ``paired`` and ``change`` are None where no float run of the same network, depth and puzzles exists.
    ``noise``: the weight noise (in standard deviations of a tensor) that turns the carry as far, see
    :func:`equivalent_noise`.
    """

    result: Result
    interval: Interval
    paired: McNemar | None
    change: float | None
    noise: float | None

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
        if variant.format.integer:
            return "integer"
        return "float" if variant.format == FLOAT32 else "emulated"

    @property
    def formats(self) -> str:
        variant = self.result.variant
        return str(variant.format) if variant.stop == "fixed" else f"{variant.format} {variant.stop}"

    @property
    def stopping(self) -> Stopping | None:
        """What the variant's stop rule did, where it has one."""
        result = self.result
        return stopping_counts(result.steps, [m == "1" for m in result.accepted], result.solved.tolist())

    @property
    def depth(self) -> str:
        return f"{self.result.variant.H_cycles}x{self.result.variant.steps}"


def compare(results: list[Result]) -> list[Row]:
    """Rows by network and depth, the float run first, large packages before small ones."""
    floats = {_group(r): r for r in results if r.variant == r.variant.reference()}
    controls: dict[tuple[str, int, int, str], list[tuple[float, float]]] = {}
    for r in results:
        weights = r.variant.format.weights
        if isinstance(weights, Noise) and not r.variant.format.activations.integer:
            controls.setdefault(_group(r), []).append((weights.level, r.one_step))

    def row(result: Result) -> Row:
        right = result.exact.count("1")
        reference = floats.get(_group(result))
        paired, change = None, None
        if reference is not None and reference is not result:
            paired = mcnemar_exact(reference.solved, result.solved)
            change = (right - reference.exact.count("1")) / result.puzzles
        noise = equivalent_noise(result.one_step, controls.get(_group(result), []))
        return Row(result, wilson_interval(right, result.puzzles), paired, change, noise)

    ranked = sorted(results, key=lambda r: (_group(r), r is not floats.get(_group(r)), _formats_key(r)))
    return [row(result) for result in ranked]


def equivalent_noise(fidelity: float, controls: list[tuple[float, float]]) -> float | None:
    """The noise level with the same fidelity (i), by interpolation of log(1 - fidelity) in log(level).

    ``controls``: (level, fidelity) of noise runs.  None outside their range.
    """
    known = sorted((1 - f, level) for level, f in controls if f < 1)
    if len(known) < 2 or not known[0][0] <= 1 - fidelity <= known[-1][0]:
        return None
    distance, level = np.log(np.array(known)).T
    return float(np.exp(np.interp(np.log(1 - fidelity), distance, level)))


def _formats_key(result: Result) -> tuple[bool, str, str, int, str, str]:
    """Integer programs first; the same whatever order cells finished in."""
    f = result.variant.format
    size = -result.costs.stored_bytes
    return not f.integer, f.activations.name, f.carry, size, f.weights.name, f.rounding


def _group(result: Result) -> tuple[str, int, int, str]:
    variant = result.variant
    return variant.network, variant.H_cycles, variant.steps, result.origin
