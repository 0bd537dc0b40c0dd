"""Print docs/validation.md: what the emulator counted beside what mcusim predicts.

``make -C firmware validation`` builds the runs, counts them and calls this with the build folder and the path
of docs/validation.json, which gets the counts.  Bytes must be equal, linears within 5 % and the rows of
mcusim's core files for this firmware those that were measured; anything else refuses to print.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from clock_page import clock_section, table
from core_rows import ATTENTION, USED, measured_rows, part_of, stated_rows, units
from counted import Counts, read_counts
from linears import FITTED, HELD_OUT, SHORT, TOLERANCE, fit, fitted_at, fitted_kernel, predict, with_kernel
from nn_counts import known, made_of
from nn_rows import CONVOLUTION, FULLY, UNPAIRED, charged
from nn_rows import CORES as NN_CORES
from nn_rows import ROWS as NN_ROWS
from nn_rows import fitted_at as nn_fitted_at

from mcusim.cores import Core, load_core
from mcusim.figures import Figure
from mcusim.parts import load_part
from mcusim.planner.choices import whole
from mcusim.planner.ledger import Ledger, operator_counts, row_source
from mcusim.planner.plan import Plan, make_plan
from mcusim.timing import OperatorCounts, instructions
from refimpl.formats import parse_format
from workbench.counting import count_step
from workbench.networks import find_network

PHASES = ("start", "call", "heads")
BITS = 4  # of the networks' weights
NN_SHAPES = ("97-1024-97", "81-512-81", "128-11-81", "256-768-81", "512-1536-81", "1536-512-97", "1536-512-5",
             "512-3072-1")  # fmt: skip
ATTENDED = ("64-81-81", "32-97-97", "64-900-8", "640-128-1", "128-128-1", "128-640-1")  # heads, clock
NN_TOLERANCE = 0.10
ALONE = "rv32-plain"  # a kernel whose linears alone were counted
ASIDE = ("m7-plain", "m55-dsp", "m55-plain")  # those that no core file describes


def bytes_of(plan: Plan, ledger: Ledger) -> int:
    """All bytes that a ledger reads from the image."""
    return ledger.code_bytes + ledger.constant_bytes + plan.row_bytes(ledger)


def predicted_bytes(network: str) -> dict[str, int]:
    """mcusim's prediction for the plan that the firmware follows."""
    plan = plan_of(network)
    ledgers = {"start": plan.start, "call": plan.work(plan.config.order.per_step), "heads": plan.heads}
    return {phase: bytes_of(plan, ledger) for phase, ledger in ledgers.items()}


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


def plan_of(network: str) -> Plan:
    """The plan that the firmware follows: every operator in one tile."""
    config = find_network(network).config
    return make_plan(config, parse_format("w4c"), whole(config))


def work_of(network: str) -> tuple[OperatorCounts, OperatorCounts]:
    """mcusim's counts for the calls of one ACT step: (linears without their calls, everything).

    This firmware reads the image where it stands: nothing is fetched.
    """
    plan, linear, everything = plan_of(network), OperatorCounts(), OperatorCounts()
    rows = row_source(plan.config)
    for work in plan.work(plan.config.order.per_step).sites.values():
        counts = replace(operator_counts(work, BITS, rows), fetches=0, fetched_bytes=0)
        everything = everything + counts
        if work.counts["macs"]:
            linear = linear + replace(counts, calls=0)
    return linear, everything


def difference(name: str, predicted: float, counted: int) -> str:
    """How far a prediction of linears is from the count; raises beyond TOLERANCE."""
    off = predicted / counted - 1
    if abs(off) > TOLERANCE:
        raise SystemExit(f"{name}: {counted:,} instructions in linears, {predicted:,.0f} predicted.")
    return f"{100 * off:+.2f} %"


def fit_section(linears: dict[str, dict[str, int]]) -> str:
    """What every kernel costs for one unit, as fitted."""
    names = ("mac", "output", "weight", "loose_word", "loose_vector", "channel", "pair", "loop",
             "to_quad", "past_word", "tail")  # fmt: skip
    rows = []
    for kernel, counted in linears.items():
        terms = fit(kernel, counted)
        rows.append([kernel, *(f"{terms[name]:.2f}" if name in terms else "" for name in names)])
    return table(["kernel", *names], rows)


def held_out_section(linears: dict[str, dict[str, int]]) -> str:
    """The rows of mcusim's core files on shapes they were not fitted on."""
    rows = []
    for core, kind in (*USED.items(), ("", ALONE)):
        for bits in (8, 4):
            kernel = f"{kind}-s{bits}"
            part = (
                part_of(core) if core else with_kernel(load_part("esp32p4"), kernel, linears[kernel])
            )
            for shape in HELD_OUT:
                predicted, counted = predict(part, shape, bits), linears[kernel][shape]
                off = difference(f"{kernel}-{shape}", predicted, counted)
                rows.append([kernel, *shape.split("-"), f"{counted:,}", f"{predicted:,.0f}", off])
    return table(["kernel", "K", "N", "tokens", "counted", "predicted", "difference"], rows)


def linear_section(runs: dict[str, Counts], linears: dict[str, dict[str, int]]) -> str:
    """Linears of whole networks: counted beside mcusim's prediction."""
    rows = []
    for run, counts in runs.items():
        core, kind, network = run.split("-", 2)
        part, row = part_of(core), f"cortex-{core}-rr"
        if USED[core] != f"{core}-{kind}":
            kernel = f"{core}-{kind}-s{BITS}"
            part, row = with_kernel(part, kernel, linears[kernel]), "as fitted above"
        work, _ = work_of(network)
        counted, predicted = counts.instructions["linear"], instructions(work, part)
        rows.append(
            [
                run,
                f"{work.macs:,}",
                f"{counted / work.macs:.2f}",
                f"{counted:,}",
                f"{predicted:,.0f}",
                difference(run, predicted, counted),
                row,
            ]
        )
    return table(["run", "MACs", "per MAC", "counted", "predicted", "difference", "row of mcusim"], rows)


def step_section(runs: dict[str, Counts]) -> str:
    """All operators of all calls: counted beside mcusim's prediction."""
    rows = []
    for run, counts in runs.items():
        core, kind, network = run.split("-", 2)
        if USED[core] == f"{core}-{kind}":
            _, work = work_of(network)
            counted, predicted = sum(counts.instructions.values()), instructions(work, part_of(core))
            off = f"{100 * (predicted / counted - 1):+.2f} %"
            rows.append([run, f"{counted:,}", f"{predicted:,.0f}", off])
    return table(["run", "counted", "predicted", "difference"], rows)


def row_of(core: Core, kind: str) -> Figure:
    """The figure that a core file has for a unit."""
    return core.work[kind] if kind in core.work else core.macs[kind].instructions_per_mac


def unit_section(operators: dict[str, dict[str, int]]) -> str:
    """Instructions for one unit of everything that is no linear."""
    rows = []
    for core, kernel in USED.items():
        theirs = load_core(f"cortex-{core}")
        ours = load_core(f"cortex-{core}-rr")
        for operator, (kind, count) in units(count_step(find_network(ATTENTION).config)).items():
            measured = operators[f"{kernel}-{ATTENTION}"][operator]
            rows.append(
                [
                    f"{operator}, {core.upper()}",
                    kind,
                    f"{count:,}",
                    f"{measured:,}",
                    f"{measured / count:.1f}",
                    f"{row_of(theirs, kind).value:g} ({row_of(theirs, kind).basis})",
                    f"{row_of(ours, kind).value:g}",
                ]
            )
    header = ["operator", "unit", "units", "instructions", "per unit", "CORE", "CORE-rr"]
    return table(header, rows)


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

Instructions of `rr_linear` with staging, dot products and requantization.  mcusim's model of a linear is a
sum: so much for each MAC, for each output (*requantize* in a core file), for each weight fetched and for each
output channel begun in one call.  The kernels take tokens and channels in pairs: *pair* is such a block
begun (on Helium a *loop* where rows have a whole vector of 16), and an odd one is filled up by MACs charged
like others; Helium requantizes four tokens at once, of which some may be idle (*to_quad*).  Rows that fill no
word or vector cost a MAC past the last whole four (*past_word*), or a *tail* for a block (an idle lane of
sixteen is charged like a MAC); weights across words or bytes are laid out one by one (*loose_word*,
*loose_vector*).

Fitted on one layer alone at N = 64, written K-N-tokens:
{fitted};
Helium on {short} too.

{fit}
### Shapes it was not fitted on

Prediction of the core files `cortex-m0plus-rr` to `cortex-m55-rr`, which hold these numbers, rounded;
RV32IMC (`rv32-plain`, gcc `-O2`) is predicted from its own fit, as in the core file `rv32-rr`.  A difference
beyond 5 % would refuse to print this page.

{held_out}
### Whole networks

All linears of one ACT step, counted beside mcusim's prediction for the plan `whole`; again 5 % at most.  The
kernels that are not in a core file (plain C, and DSP on Cortex-M55) are predicted from their own fit.

{linear}
### CMSIS-NN's kernels

Core files without `-rr` describe CMSIS-NN's kernels, counted by shape ({made_of};
`firmware/nn_counts.py`) and fitted like the above (`firmware/nn_rows.py`).  Helium takes four tokens and one
channel at once: tokens past the last four (*lone*, *part*) cost more, and so does a row's last vector.
Fitted on the shapes above and {nn_fitted} (the last for int8 alone);
fully connected layers, which stand for q kᵀ, on whole vectors:
{nn_fully}.  Shapes they were not fitted on;
a difference beyond {nn_tolerance:.0f} % would refuse to print this page:

{peer}
{peer_rest}
## Everything else

Instructions for one unit of work, beside the rows of two core files: `cortex-m7` and the like (column CORE),
which describe CMSIS-NN's matrix kernels and quote this page for the rest, and `cortex-m7-rr` and the like,
which describe this firmware.  There *rescale* is the mean of quantize and multiply.
Programs for Cortex-M0+, M3 and M4 ran on the emulated M7, those for M33 on the M55.

{unit}
All operators of all calls of one ACT step, predicted from the `-rr` rows; copies between operators are
counted but not predicted:

{step}
## The clock

{clock}
## What this shows and what it does not

Instruction and byte counts come out the same on every run.  They are not cycles: the emulator knows no
pipeline, no wait states and no cache.  A time from mcusim stays an estimate, with its error bar and the basis
of each figure printed beside it.
"""


def off_of(core: str, kernel: int, shape: str, count: int) -> float:
    """How far what mcusim charges for a kernel of CMSIS-NN is from its count, relative."""
    return charged(core, kernel, shape) / count - 1


def peer_section() -> str:
    """CMSIS-NN's kernels at shapes of networks: counted beside what mcusim charges for them."""
    rows, counts = [], known()
    for core, kernel in product(NN_CORES, NN_ROWS):
        for shape in ATTENDED if kernel == 1 else NN_SHAPES:
            count = counts[core, kernel, shape]
            off = off_of(core, kernel, shape, count)
            name = f"{NN_CORES[core]} {NN_ROWS[kernel][0]}"
            if abs(off) > NN_TOLERANCE:
                raise SystemExit(f"{name} {shape}: {count:,} instructions, {100 * off:+.1f} % predicted.")
            said = f"{charged(core, kernel, shape):,.0f}"
            rows.append([name, *shape.split("-"), f"{count:,}", said, f"{100 * off:+.1f} %"])
    return table(["kernel", "K", "N", "tokens", "counted", "predicted", "difference"], rows)


def peer_rest() -> str:
    """How far off the 1x1 convolutions are at all other counted shapes, worst first."""
    found: dict[tuple[str, int], list[tuple[float, str]]] = {}
    for (core, kernel, shape), count in known().items():
        if kernel != 1 and shape not in (*nn_fitted_at(kernel), *NN_SHAPES):
            found.setdefault((core, kernel), []).append((off_of(core, kernel, shape, count), shape))
    rows = []
    for (core, kernel), offs in sorted(found.items()):
        beyond = sorted((o for o in offs if abs(o[0]) > NN_TOLERANCE), key=lambda o: -abs(o[0]))
        named = ", ".join(f"{shape} {100 * off:+.1f} %" for off, shape in beyond)
        middle = median(abs(off) for off, _ in offs)
        name = f"{NN_CORES[core]} {NN_ROWS[kernel][0]}"
        rows.append([name, str(len(offs)), f"{100 * middle:.1f} %", named])
    return table(["kernel", "other shapes", "median difference", "beyond 10 %"], rows)


def counts_of(build: Path) -> tuple[dict[str, Counts], dict[str, Any]]:
    """The runs, and what docs/validation.json keeps: instructions of linears alone, of operators in runs."""
    runs = {path.stem: read_counts(path) for path in sorted(build.glob("*.counts"))}
    linears: dict[str, dict[str, int]] = {}
    for name in (*USED.values(), ALONE, *ASIDE):
        kind = name.split("-")[1]
        used = name not in ASIDE
        for bits in (8, 4) if used else (4,):
            kernel = f"{name}-s{bits}"
            linears[kernel] = {
                shape: read_counts(build / f"{kernel}-{shape}.bench").instructions["linear"]
                for shape in fitted_at(kind) + HELD_OUT * used
            }
    operators = {run: counts.instructions for run, counts in runs.items()}
    compiler = (build / "compiler.txt").read_text().strip()
    return runs, {"compiler": compiler, "linears": linears, "operators": operators}


def main(build: Path, kept: Path) -> str:
    """The text of docs/validation.md; writes the counts to ``kept`` first."""
    runs, data = counts_of(build)
    temporary = kept.with_suffix(".tmp")
    temporary.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    temporary.replace(kept)
    for core in USED:
        measured, stated = measured_rows(core, data), stated_rows(core)
        wrong = [f"{key}: {stated.get(key)}, measured {value}" for key, value in measured.items()
                 if stated.get(key) != value]  # fmt: skip
        if wrong:
            raise SystemExit(f"mcusim/data/cores/cortex-{core}-rr.toml differs: " + "; ".join(wrong))
    linears = data["linears"]
    riscv = load_core("rv32-rr")
    for bits in (8, 4):
        row, output = fitted_kernel(f"{ALONE}-s{bits}", linears[f"{ALONE}-s{bits}"])
        # as in the other core files, int4 gives the one figure for an output
        stated_row = riscv.kernels[row.name]  # has terms of exported plans beside those of this page
        same = replace(stated_row, terms={t: f for t, f in stated_row.terms.items() if t in row.terms}) == row
        if not same or (bits == 4 and riscv.work["requantize"] != output):
            raise SystemExit(f"mcusim/data/cores/rv32-rr.toml differs: {row}, {output}")
    return TEXT.format(
        flash=flash_section(runs),
        fitted=", ".join(FITTED),
        short=SHORT,
        fit=fit_section(linears),
        held_out=held_out_section(linears),
        linear=linear_section(runs, linears),
        unit=unit_section(data["operators"]),
        step=step_section(runs),
        made_of=made_of(),
        nn_fitted=", ".join((*CONVOLUTION[len(FITTED):], UNPAIRED)),
        nn_fully=", ".join(FULLY),
        nn_tolerance=100 * NN_TOLERANCE,
        peer=peer_section(),
        peer_rest=peer_rest(),
        clock=clock_section(),
    )


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])), end="")
