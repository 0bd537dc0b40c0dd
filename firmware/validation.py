"""Print docs/validation.md: what the emulator counted beside what mcusim predicts.

``make -C firmware validation`` builds the runs, counts them and calls this with the build folder.  Bytes
must be equal; instructions are put side by side.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from mcusim.cores import Core, load_core
from mcusim.planner.choices import whole
from mcusim.planner.ledger import Ledger
from mcusim.planner.plan import Formats, Plan, make_plan
from refimpl.counting import CountedStep, count_step, total
from refimpl.networks import find_network

# Which operator a function of the firmware works for; everything else is checking and start-up.
OPERATORS = {
    "linear": ("rr_linear", "rr_dot", "rr_dot2", "rr_stage_s4", "rr_stage_s8", "rr_apply"),
    "quantize": ("rr_quantized", "rr_quantize_s32", "rr_quantize_s16"),
    "silu": ("rr_silu",),
    "multiply": ("rr_multiply",),
    "rms_norm": ("rr_rms_norm", "rr_root_of", "rr_add_and_norm"),
    "add": ("rr_add_s16", "rr_add_s32"),
    "softmax": ("rr_softmax_s8_s16", "rr_exp_of", "rr_one_over"),
    "scores": ("rr_scores",),
    "weighted_values": ("rr_weighted_values",),
    "moving data": (
        "rr_stack_run",
        "rr_block_run",
        "rr_swiglu_run",
        "rr_attention_run",
        "rr_alloc",
        "rr_alloc_activations",
        "memcpy",
        "rr_solve",
    ),
}
OPERATOR_OF = {function: operator for operator, functions in OPERATORS.items() for function in functions}
CHECKING = {
    "rr_crc32",
    "rr_on_call",
    "rr_on_step",
    "rr_check_trace",
    "rr_put_word",
    "sh_write",
    "sh_exit",
    "main",
    "rr_reset_handler",
}
TOLERANCE = 0.05  # between a network's linears and the prediction from one layer alone
PHASES = ("start", "call", "heads")
CORES = {"m7": "cortex-m7", "m55": "cortex-m55"}


@dataclass(frozen=True)
class Counts:
    """Instructions by (phase, operator) and bytes by phase, of one ACT step."""

    instructions: dict[tuple[str, str], int]
    flash_bytes: dict[str, int]


def read_counts(path: Path) -> Counts:
    """Read what the counting plugin wrote; an unknown function in a call is an error."""
    instructions: defaultdict[tuple[str, str], int] = defaultdict(int)
    flash: defaultdict[str, int] = defaultdict(int)
    for line in path.read_text().splitlines():
        phase, _, function, count, size = line.split("\t")
        flash[phase] += int(size)
        name = function.split(".")[0]
        if phase == "call" and name not in CHECKING:
            instructions[phase, OPERATOR_OF[name]] += int(count)
    return Counts(dict(instructions), dict(flash))


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def bytes_of(plan: Plan, ledger: Ledger) -> int:
    """All bytes that a ledger reads from the image."""
    return ledger.code_bytes + ledger.constant_bytes + plan.row_bytes(ledger)


def predicted_bytes(network: str) -> dict[str, int]:
    """mcusim's prediction for the plan that the firmware follows: every operator in one tile."""
    config = find_network(network).config
    plan = make_plan(config, Formats(4, "int16"), whole(config))
    calls = config.H_cycles * config.L_cycles * bytes_of(plan, plan.call_L)
    calls += config.H_cycles * bytes_of(plan, plan.call_H)
    return {"start": bytes_of(plan, plan.start), "call": calls, "heads": bytes_of(plan, plan.heads)}


def flash_section(runs: dict[str, Counts]) -> str:
    """Bytes of external flash; raises if a prediction is not met, for then the document would be wrong."""
    rows = []
    for run, counts in runs.items():
        expected = predicted_bytes(run.split("-", 2)[2])
        measured = {phase: counts.flash_bytes[phase] for phase in PHASES}
        if measured != expected:
            raise SystemExit(f"{run}: the emulator counted {measured}, mcusim predicts {expected}.")
        rows.append([run, *(f"{measured[p]:,}" for p in PHASES), *(f"{expected[p]:,}" for p in PHASES)])
    header = ["run", *(f"counted, {p}" for p in PHASES), *(f"predicted, {p}" for p in PHASES)]
    return table(header, rows)


def linear_events(step: CountedStep) -> list[tuple[int, int]]:
    """(outputs, K) of every linear of the calls of one ACT step."""
    events = [e for call in step.calls for e in call.events if e.op == "linear"]
    return [(e.counts.requantizations, e.counts.macs // e.counts.requantizations) for e in events]


def bench(build: Path, core: str, kernel: str, inner: int) -> float:
    """Instructions per output of the kernel alone at K = ``inner`` (64 rows, 64 outputs)."""
    counts = read_counts(build / f"{core}-{kernel}-s4-{inner}-64-64.bench")
    return counts.instructions["call", "linear"] / 64**2


def linear_section(build: Path, runs: dict[str, Counts], cores: dict[str, Core]) -> str:
    """Linears of the whole network beside the kernel measured alone and the row that mcusim uses.

    Raises when a network is further from its prediction than TOLERANCE.
    """
    rows = []
    for run, counts in runs.items():
        core, kernel, network = run.split("-", 2)
        short, long = bench(build, core, kernel, 96), bench(build, core, kernel, 512)
        per_mac = (long - short) / (512 - 96)
        per_output = short - 96 * per_mac
        events = linear_events(count_step(find_network(network).config))
        macs = sum(outputs * inner for outputs, inner in events)
        expected = sum(outputs * (per_output + per_mac * inner) for outputs, inner in events)
        measured = counts.instructions["call", "linear"]
        if abs(measured / expected - 1) > TOLERANCE:
            raise SystemExit(f"{run}: {measured:,} instructions in linears, {expected:,.0f} predicted.")
        row = cores[core].macs["w4a8"]
        rows.append(
            [
                run,
                f"{macs:,}",
                f"{measured:,}",
                f"{measured / macs:.2f}",
                f"{per_mac:.2f}",
                f"{per_output:.1f}",
                f"{expected:,.0f}",
                f"{100 * (measured / expected - 1):+.1f} %",
                f"{row.instructions_per_mac.value:.2f} ({row.name})",
            ]
        )
    header = [
        "run",
        "MACs",
        "instructions",
        "per MAC",
        "alone: per MAC",
        "alone: per output",
        "predicted from alone",
        "difference",
        "row of mcusim, K = 512",
    ]
    return table(header, rows)


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


def unit_section(runs: dict[str, Counts], cores: dict[str, Core]) -> str:
    """Instructions for one unit of everything that is no linear."""
    rows = []
    for run in ("m7-dsp-sudoku9-att", "m55-mve-sudoku9-att"):
        core, _, network = run.split("-", 2)
        for operator, (kind, count) in units(count_step(find_network(network).config)).items():
            figure = (
                cores[core].work[kind]
                if kind in cores[core].work
                else cores[core].macs[kind].instructions_per_mac
            )
            measured = runs[run].instructions["call", operator]
            rows.append(
                [
                    f"{operator}, {core.upper()}",
                    kind,
                    f"{count:,}",
                    f"{measured:,}",
                    f"{measured / count:.1f}",
                    f"{figure.value:g} ({figure.basis})",
                ]
            )
    return table(["operator", "unit", "units", "instructions", "per unit", "row of mcusim"], rows)


TEXT = """# Validation: the emulator beside the simulator

Printed by `make -C firmware validation`; do not edit.  The C99 firmware runs one ACT step of a shipped INT4
network on QEMU (`mps2-an500`, Cortex-M7; `mps3-an547`, Cortex-M55; gcc `-O2`), and a TCG plugin counts the
instructions of each function and the bytes it reads from the region that stands for external flash.  Every
CRC32 of the run equals the golden trace.  Runs are named core-kernel-network.

## Bytes read from external flash

Exact on both sides.  mcusim's prediction is that of its planner for the plan the firmware follows (`whole`:
every operator in one tile, weights read once a call); equality is a condition for printing this page.
*start* is the embedding and the reset of the carry, *call* all calls of one ACT step, *heads* the read-out.

{flash}
## Linears

Instructions of `rr_linear` with staging, dot products and requantization.  *Alone* is the same kernel on one
layer of 64 x K by K x 64, measured at K = 96 and K = 512: so many instructions per MAC and per output.  From
these two numbers follows a prediction for the whole network, whose layers have other shapes (K = 81, 96,
256); a difference beyond 5 % would refuse to print this page.  The last column is the row that mcusim's core
file uses for INT4 weights; it describes CMSIS-NN's kernel, not this one.

{linear}
## Everything else

Instructions for one unit of work, beside the row of mcusim's core file, which quotes this page where it says
*measured* of anything but a CMSIS-NN kernel.  The firmware is written to be read, so these are upper ends
rather than targets.

{unit}
## What this shows and what it does not

Instruction and byte counts come out the same on every run.  They are not cycles: the emulator knows no
pipeline, no wait states and no cache, and nothing here was measured on silicon.  A time from mcusim stays an
estimate, with the basis of each figure printed beside it.
"""


def main(build: Path) -> str:
    """The text of docs/validation.md."""
    runs = {path.stem: read_counts(path) for path in sorted(build.glob("*.counts"))}
    cores = {short: load_core(name) for short, name in CORES.items()}
    return TEXT.format(
        flash=flash_section(runs), linear=linear_section(build, runs, cores), unit=unit_section(runs, cores)
    )


if __name__ == "__main__":
    print(main(Path(sys.argv[1])), end="")
