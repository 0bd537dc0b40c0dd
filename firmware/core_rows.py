"""The core files of mcusim that describe this firmware: what they say, and what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from linears import fitted_kernel

from mcusim.cores import load_core
from mcusim.parts import Part, load_part
from workbench.counting import CountedStep, count_step, total
from workbench.networks import find_network

# Core -> kernels of its programs; the board of the emulator that runs them: M55's for M33, M7's for the rest.
USED = {"m0plus": "m0plus-plain", "m3": "m3-plain", "m4": "m4-dsp", "m7": "m7-dsp", "m33": "m33-dsp",
        "m55": "m55-mve"}  # fmt: skip
BOARDS = {core: "mps3-an547" if core in ("m33", "m55") else "mps2-an500" for core in USED}
ATTENTION = "sudoku9-att"  # has every operator


def part_of(core: str) -> Part:
    """A board with a core and this firmware's kernels."""
    return replace(load_part(BOARDS[core]), core=load_core(f"cortex-{core}-rr"))


def units(step: CountedStep) -> dict[str, tuple[str, int]]:
    """Operator -> (row of mcusim, units in the calls of one ACT step)."""
    counts = {
        op: total(e.counts for c in step.calls for e in c.events if e.op == op)
        for op in ("quantize", "silu", "multiply", "rms_norm", "add", "softmax", "scores", "weighted_values")
    }
    return {
        "quantize": ("rescale", counts["quantize"].requantizations),
        "multiply": ("rescale", counts["multiply"].requantizations),
        "silu": ("lookup", counts["silu"].lookups),
        "rms_norm": ("norm_element", counts["rms_norm"].norm_elements),
        "add": ("element", counts["add"].adds),
        "softmax": ("softmax_element", counts["softmax"].softmax_elements),
        "scores": ("a8a8", counts["scores"].attention_macs),
        "weighted_values": ("a16a8", counts["weighted_values"].attention_macs),
    }


def operator_rows(run: str, operators: dict[str, dict[str, int]]) -> dict[str, float]:
    """What one unit of everything that is no linear costs in a run of ATTENTION, by row of a core file."""
    ours, of = operators[f"{run}-{ATTENTION}"], units(count_step(find_network(ATTENTION).config))
    rescales = of["quantize"][1] + of["multiply"][1]
    rows = {"rescale": round((ours["quantize"] + ours["multiply"]) / rescales, 1)}
    for operator in ("silu", "rms_norm", "add", "softmax"):
        rows[of[operator][0]] = round(ours[operator] / of[operator][1], 1)
    for operator in ("scores", "weighted_values"):
        rows[f"{operator}.instructions_per_mac"] = round(ours[operator] / of[operator][1], 2)
    return rows


def measured_rows(core: str, data: dict[str, Any]) -> dict[str, float]:
    """What mcusim's core file for this firmware must say, key -> value, from the counts of the page."""
    rows: dict[str, float] = {}
    for bits in (8, 4):
        kernel = f"{USED[core]}-s{bits}"
        row, output = fitted_kernel(kernel, data["linears"][kernel])
        rows[f"{row.name}.instructions_per_mac"] = row.instructions_per_mac.value
        rows |= {f"{row.name}.{term}": figure.value for term, figure in row.terms.items()}
        rows["requantize"] = output.value
    return rows | operator_rows(USED[core], data["operators"])


def stated_rows(core: str) -> dict[str, float]:
    """What mcusim's core file for this firmware says."""
    stated = load_core(f"cortex-{core}-rr")
    rows = {kind: figure.value for kind, figure in stated.work.items()}
    for kernel in stated.kernels.values():
        rows[f"{kernel.name}.instructions_per_mac"] = kernel.instructions_per_mac.value
        rows |= {f"{kernel.name}.{term}": figure.value for term, figure in kernel.terms.items()}
    return rows
