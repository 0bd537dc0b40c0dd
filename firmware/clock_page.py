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
Energy: a cycle takes the chip's run current by its data sheet (typical, code from flash, peripherals
off; `current_source` in that file) x the supply x {over:.2f}, the geometric mean of board over data sheet
of use *fit*, within a factor of {factor:.2f}: the largest error of a board left out.  Three of these chips
are by one vendor, and the clock of the NUCLEO-L4R5ZI's current is not stated.  For a part file without
a run current all boards are alike: {alike:.0f} pJ a cycle within a factor of {alike_factor:.1f}.

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
    alike = dict(found.alike.unseen)
    energy = [
        [a.board, a.use, f"{p.data_sheet:.0f}", f"{p.published:.0f}", f"{said:.0f}",
         f"{said / p.published:.2f}", f"{alike[a] / p.published:.2f}"]
        for a, said in found.by_data_sheet.unseen if (p := a.power) is not None
    ]  # fmt: skip
    return TEXT.format(
        boards=table(["board, layers", "core", "use", "instructions a MAC", "cycles a MAC, published",
                      "predicted unseen", "difference"], boards),
        error=100 * found.error,
        middle=100 * median(abs(p.off) for p in found.unseen),
        cycles=table(["pipeline", "cycles a", "fitted", "with the error bar"], cycles),
        over=found.by_data_sheet.middle,
        factor=found.by_data_sheet.factor,
        alike=found.alike.middle,
        alike_factor=found.alike.factor,
        energy=table(["board", "use", "pJ a cycle, data sheet", "published", "predicted unseen", "ratio",
                      "ratio, all alike"], energy),
    )  # fmt: skip
