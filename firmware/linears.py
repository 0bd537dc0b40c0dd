"""What a linear costs: fit a kernel's row for mcusim at K = 512, N = 64, and predict other shapes with it.

A shape is written K-N-TOKENS, a kernel CORE-KERNEL-FORMAT; the emulator's counts of a kernel are a mapping
from shape to instructions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mcusim.cores import Kernel
from mcusim.figures import Figure
from mcusim.parts import Part
from mcusim.planner.ledger import NO_ROWS, Work, operator_counts
from mcusim.timing import TERM_OF_COUNT, OperatorCounts, instructions
from workbench.counting import Counts

FITTED_AT = "512-64-64"
# Two numbers of tokens tell what is paid once from what every token pays, K = 96 a MAC from an output, K = 95
# and 110 the end of a row that is no whole word or vector, 6, 7 and 9 tokens pairs and fours not full.
FITTED = (FITTED_AT, "512-64-8", "96-64-64", "96-64-8", "95-64-64", "95-64-8", "110-64-16", "96-64-6",
          "96-64-7", "96-64-9")  # fmt: skip
SHORT = "8-64-64"  # tells the kernels on vectors of sixteen what a row without a whole one saves
HELD_OUT = ("97-1024-97", "97-1024-81", "97-1024-5", "1536-512-97", "1536-512-81", "1536-512-5", "99-33-7",
            "4-512-97")  # fmt: skip
TOLERANCE = 0.05
# Which terms of mcusim's model a kernel of rr_dot_*.c has.
TERMS = {
    "plain": ("weight", "channel", "pair"),
    "dsp": ("weight", "loose_word", "channel", "pair", "past_word"),
    "mve": ("weight", "loose_vector", "channel", "pair", "loop", "to_quad", "tail"),
}


def terms_of(kind: str, form: str) -> tuple[str, ...]:
    """The terms of a kernel for one format: whole bytes are never laid out alone on Helium."""
    return tuple(term for term in TERMS[kind] if (form, term) != ("s8", "loose_vector"))


def fitted_at(kind: str) -> tuple[str, ...]:
    """The shapes that a kernel's terms are fitted on."""
    return FITTED + (SHORT,) * ("loop" in TERMS[kind])


# Terms that are a MAC done for nothing, and cost what a MAC costs.
IDLE = {"plain": ("odd",), "dsp": ("odd",), "mve": ("odd", "to_vector")}
MEASURED = "this project's firmware: gcc -O2, counted on the emulator (docs/validation.md)"


def shape_counts(shape: str, bits: int) -> OperatorCounts:
    """What mcusim counts for one linear of a shape."""
    inner, channels, tokens = map(int, shape.split("-"))
    outputs = channels * tokens
    work = Work()
    work.charge(Counts(macs=outputs * inner, requantizations=outputs, weight_elements=channels * inner))
    work.charge_rows(outputs, inner, channels, bits)
    return operator_counts(work, bits, NO_ROWS)


def solved(
    counted: Mapping[str, float], bits: int, terms: tuple[str, ...], idle: tuple[str, ...]
) -> dict[str, float]:
    """Instructions for one unit, by relative least squares over all shapes of ``counted``: ``mac``,
    ``output`` and ``terms``; each of ``idle`` is a MAC done for nothing and costs one."""
    rows = []
    for shape in counted:
        c = shape_counts(shape, bits)
        units = {term: getattr(c, name) for name, term in TERM_OF_COUNT.items()}
        macs = c.macs + sum(units[term] for term in idle)
        rows.append([macs, c.requantizations, *(units[term] for term in terms)])
    counts = np.array(list(counted.values()), float)
    found = np.linalg.lstsq(np.array(rows, float) / counts[:, None], np.ones(len(counts)), rcond=None)[0]
    return dict(zip(("mac", "output", *terms), map(float, found), strict=True))


def fit(kernel: str, counted: Mapping[str, int]) -> dict[str, float]:
    """Instructions for one unit: ``mac``, ``output`` and the kernel's terms."""
    _, kind, form = kernel.split("-")
    at = {shape: counted[shape] for shape in fitted_at(kind)}
    return solved(at, int(form[1:]), terms_of(kind, form), IDLE[kind])


def kernel_row(name: str, at_fit: int, terms: Mapping[str, float], source: str) -> Kernel:
    """A row of a core file, as precise as the files are; ``at_fit``: instructions at FITTED_AT."""
    inner, _, tokens = map(int, FITTED_AT.split("-"))
    per_mac = figure(at_fit / shape_counts(FITTED_AT, 8).macs, 4, source)
    of = {term: figure(value, 3, source) for term, value in terms.items()}
    return Kernel(name=name, inner=inner, instructions_per_mac=per_mac, tokens=tokens, terms=of)


def fitted_kernel(kernel: str, counted: Mapping[str, int]) -> tuple[Kernel, Figure]:
    """The kernel as a row of a core file, and the instructions of an output."""
    terms = fit(kernel, counted)
    idle = dict.fromkeys(IDLE[kernel.split("-")[1]], terms["mac"])
    of = {term: value for term, value in (terms | idle).items() if term not in ("mac", "output")}
    row = kernel_row(f"linear_{kernel.split('-')[-1]}", counted[FITTED_AT], of, MEASURED)
    return row, figure(terms["output"], 1, MEASURED)


def figure(value: float, digits: int, source: str) -> Figure:
    """A measured figure, rounded as in the core files."""
    return Figure(round(value, digits), "measured", source)


def with_kernel(part: Part, kernel: str, counted: Mapping[str, int]) -> Part:
    """``part`` with its linears done by a kernel as fitted."""
    row, output = fitted_kernel(kernel, counted)
    core = part.core
    kind = f"w{kernel[-1]}a8"
    core = replace(core, macs={**core.macs, kind: row}, work={**core.work, "requantize": output})
    return replace(part, core=core)


def predict(part: Part, shape: str, bits: int) -> float:
    """mcusim's instructions for one linear, without those of calling it."""
    return instructions(shape_counts(shape, bits), part)
