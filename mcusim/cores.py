"""A processor core: instructions for each kind of work, cycles for each instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcusim.catalogue import entry
from mcusim.figures import Figure, Span
from mcusim.toml_checks import Table

# The kinds of multiply-accumulate, by the formats of the two factors: a linear with int8 or int4
# weights, q k^T (int8 x int8 activations) and P V (int16 x int8).
MAC_KINDS = ("w8a8", "w4a8", "a8a8", "a16a8")
# Everything else an operator does, as instructions for each of its units: ``requantize`` an output inside a
# matrix kernel, ``rescale`` a value in an operator of its own.
WORK_KINDS = ("call", "requantize", "rescale", "norm_element", "softmax_element", "lookup", "element")


@dataclass(frozen=True)
class Kernel:
    """A measured matrix kernel: instructions for each MAC at ``inner`` inputs, all its work included."""

    name: str
    inner: int
    instructions_per_mac: Figure


@dataclass(frozen=True)
class Core:
    """``macs`` maps each of MAC_KINDS to the kernel that does it, ``work`` each of WORK_KINDS to
    instructions for one unit."""

    name: str
    title: str
    kernels: Mapping[str, Kernel]
    macs: Mapping[str, Kernel]
    work: Mapping[str, Figure]
    cycles_per_instruction: Span
    picojoules_per_cycle: Span

    def instructions_per_mac(self, kind: str) -> float:
        """Marginal instructions of one MAC: a kernel's figure less the requantizations it contained."""
        kernel = self.macs[kind]
        return kernel.instructions_per_mac.value - self.work["requantize"].value / kernel.inner

    def named_figures(self) -> Iterator[tuple[str, Figure | Span]]:
        """Every number that an estimate rests on, with its name."""
        for kind in MAC_KINDS:
            yield f"instructions a {kind} MAC ({self.macs[kind].name})", self.macs[kind].instructions_per_mac
        for kind in WORK_KINDS:
            yield f"instructions a {kind}", self.work[kind]
        yield "cycles an instruction", self.cycles_per_instruction
        yield "pJ a cycle", self.picojoules_per_cycle


def load_core(name: str, data: Path | None = None) -> Core:
    """Read the core called ``name``."""
    table = entry("core", name, data)
    kernels = {row.keys[-1]: kernel for row, kernel in _kernels(table.table("kernels"))}
    use, work = table.table("use"), table.table("instructions")
    macs = {kind: kernels[use.choice(kind, tuple(map(str, kernels)))] for kind in MAC_KINDS}
    core = Core(
        name=name,
        title=table.text("title"),
        kernels={str(key): kernel for key, kernel in kernels.items()},
        macs=macs,
        work={kind: work.figure(kind) for kind in WORK_KINDS},
        cycles_per_instruction=table.span("cycles_per_instruction"),
        picojoules_per_cycle=table.span("picojoules_per_cycle"),
    )
    for section in (use, work, table):
        section.finish()
    for kind in MAC_KINDS:
        if core.instructions_per_mac(kind) <= 0:
            raise work.error(f"instructions.requantize {core.work['requantize'].value:g} is more than kernel "
                             f"{macs[kind].name} spends on all of a row's work.", "requantize")
    return core


def _kernels(table: Table) -> Iterator[tuple[Table, Kernel]]:
    for key in table.data:
        row = table.table(key)
        yield row, Kernel(key, row.whole("inner", 1), row.figure("instructions_per_mac"))
        row.finish()
