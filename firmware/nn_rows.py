"""Rows of mcusim's core files for CMSIS-NN's linears, fitted to ``cmsis_nn/counts.tsv``.

``python firmware/nn_rows.py`` prints the rows; tests/test_nn_rows.py compares the files with them.  What a
call costs beside its outputs is the core files' own figure, taken away before the fit and added to a
prediction.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from linears import FITTED, FITTED_AT, kernel_row, shape_counts, solved
from nn_counts import BENCHED, known, made_of

from mcusim.cores import Core, Kernel, load_core
from mcusim.parts import Part, load_part
from mcusim.timing import OperatorCounts, instructions

CORES = {core: f"cortex-{core}" for core in ("m0plus", "m3", "m4", "m7", "m33", "m55")}
# Kernel of the counts: its row in a core file, the use it has there, bits of weights.
ROWS = {8: ("conv_1x1_s8", "w8a8", 8), 4: ("conv_1x1_s4", "w4a8", 4), 1: ("fc_s8_per_tensor", "a8a8", 8)}
# One token tells what Helium pays for one that fills no four.
CONVOLUTION = (*FITTED, "512-64-1", "96-64-1", "95-64-1", "110-64-3")
UNPAIRED = "81-3-64"  # the same of a channel that fills no pair
FULLY = ("512-64-64", "512-64-8", "512-64-1", "96-64-64", "96-64-1")  # whole vectors, as heads have
# Terms by kernel: of the C that any core compiles, of the DSP extension, of Helium.
PLAIN: dict[int, tuple[str, ...]] = {
    8: ("weight", "channel", "odd", "unpaired"),
    4: ("channel", "odd"),
    1: (),
}
DSP: dict[int, tuple[str, ...]] = {
    8: ("weight", "channel", "pair", "odd", "past_word", "unpaired"),
    4: ("channel", "odd", "past_word"),
    1: (),
}
MVE: dict[int, tuple[str, ...]] = {8: ("lone", "lone_lane"), 4: ("part", "lone_lane", "last_vector"), 1: ()}
TERMS = {"m0plus": PLAIN, "m3": PLAIN, "m4": DSP, "m7": DSP, "m33": DSP, "m55": MVE}
# A MAC done for nothing, which costs what one costs.
IDLE: dict[tuple[str, int], tuple[str, ...]] = {("m55", 8): ("lane",)}


def fitted_at(kernel: int) -> tuple[str, ...]:
    """The shapes that the rows of a kernel are fitted on."""
    return FULLY if kernel == 1 else (*CONVOLUTION, UNPAIRED) if kernel == 8 else CONVOLUTION


def nn_row(core: str, kernel: int, counts: Mapping[tuple[str, int, str], int]) -> Kernel:
    """The row of a core file for a kernel of CMSIS-NN."""
    name, _, bits = ROWS[kernel]
    call = load_core(CORES[core]).work["call"].value
    counted = {shape: counts[core, kernel, shape] - call for shape in fitted_at(kernel)}
    idle = IDLE.get((core, kernel), ())
    found = solved(counted, bits, TERMS[core][kernel], idle)
    found |= dict.fromkeys(idle, found.pop("mac"))
    source = f"{BENCHED[kernel]}, {made_of()}, by shape (firmware/cmsis_nn/counts.tsv)"
    return kernel_row(name, counts[core, kernel, FITTED_AT], found, source)


def charged(core: str, kernel: int, shape: str) -> float:
    """What mcusim charges for one call of a kernel of CMSIS-NN."""
    _, use, bits = ROWS[kernel]
    stated = load_core(CORES[core])
    counts = replace(shape_counts(shape, bits), calls=1)
    if use == "a8a8":  # a product of attention with keys as weights
        counts = OperatorCounts(macs_a8a8=counts.macs, requantizations=counts.requantizations,
                                score_outputs=counts.requantizations, calls=1)  # fmt: skip
    return instructions(counts, _part(stated))


def _part(core: Core) -> Part:
    return replace(load_part("mps2-an500"), core=core)


def as_toml(row: Kernel) -> str:
    """A row as the core files write it."""
    lines = [f"[kernels.{row.name}]", f"inner = {row.inner}", f"tokens = {row.tokens}"]
    for name, found in {"instructions_per_mac": row.instructions_per_mac, **row.terms}.items():
        said = f'value = {found.value:g}, basis = "{found.basis}", source = "{found.source}"'
        lines.append(f"{name} = {{ {said} }}")
    return "\n".join(lines) + "\n"


def main() -> int:
    counts = known()
    for core in CORES:
        print(f"# {CORES[core]}")
        for kernel in ROWS:
            print(as_toml(nn_row(core, kernel, counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
