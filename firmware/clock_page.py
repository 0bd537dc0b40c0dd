"""The part of docs/validation.md about cycles and picojoules: anchors, fit, and errors on boards left out."""

from __future__ import annotations

from statistics import median

from mcusim.silicon import FLASH_BYTE, Clock, clock


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


TEXT = """Cycles come from published measurements on boards (`mcusim/data/silicon.toml`); none was made by
this project. A board takes (cycles an instruction of its core's pipeline) x (instructions counted
for CMSIS- NN's kernels) + (cycles a byte) x (bytes of weights the core loads from internal flash).
The MLPerf Tiny anomaly detector is ten int8 layers, 640 to 128 to 8 to 640, on one row, so that
every weight is loaded for one MAC; the convolutions have their weights in fast memory.  Anchors of
use *fit* set the cycles, together with what was assumed before; those of use *check* set nothing.
Each row is predicted by a fit without its board; the form of the model was chosen with these boards
in view.  Kernels of X-CUBE-AI are charged like those of CMSIS-NN.

{boards}
Error bar: ±{error:.0f} %, the largest of these differences (median {middle:.0f} %).  It stands beside
every time of a core with such a pipeline.

{cycles}
Energy: {picojoules:.0f} pJ a cycle of the whole board, the geometric mean of {powered} boards, and a
factor of {factor:.1f} either way: the largest error of a board left out.  Factor 2 is not met.

{energy}
Modelled beside it: external flash by bursts (a DMA overlaps with computing, execute in place does not),
internal flash as above.  Not modelled: DMA and core at one bank at once, data caches, wake-up and
interrupts, an interpreter around the kernels.
"""


def clock_section(found: Clock | None = None) -> str:
    """Boards, cycles and energy as Markdown."""
    found = found or clock()
    boards = [
        [f"{p.anchor.board}, {p.anchor.layers}", p.anchor.core, p.anchor.use, f"{p.anchor.instructions:.3f}",
         f"{p.anchor.cycles:.3f}", f"{p.cycles:.3f}", f"{100 * p.off:+.1f} %"]
        for p in found.unseen
    ]  # fmt: skip
    cycles = [
        [name, "byte" if name == FLASH_BYTE else "instruction", f"{value:.3f}",
         "" if name == FLASH_BYTE else " .. ".join(f"{end:g}" for end in found.span(name))]
        for name, value in found.cycles.items()
    ]  # fmt: skip
    energy = [
        [a.board, f"{a.picojoules:.0f}", f"{predicted:.0f}", f"{predicted / (a.picojoules or 1):.2f}"]
        for a, predicted in found.energy_unseen
    ]
    return TEXT.format(
        boards=table(["board, layers", "core", "use", "instructions a MAC", "cycles a MAC, published",
                      "predicted unseen", "difference"], boards),
        error=100 * found.error,
        middle=100 * median(abs(p.off) for p in found.unseen),
        cycles=table(["pipeline", "cycles a", "fitted", "with the error bar"], cycles),
        picojoules=found.picojoules,
        powered=len(found.energy_unseen),
        factor=found.energy_factor,
        energy=table(["board", "pJ a cycle, published", "predicted unseen", "ratio"], energy),
    )  # fmt: skip
