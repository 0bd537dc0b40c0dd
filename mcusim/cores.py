"""A processor core: instructions for each kind of work, cycles for each instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mcusim.catalogue import entry
from mcusim.figures import Basis, Figure, Span
from mcusim.toml_checks import Table

# The kinds of multiply-accumulate, by the formats of the two factors: a linear with int8 or int4
# weights, q k^T (int8 x int8 activations) and P V (int16 x int8).
MAC_KINDS = ("w8a8", "w4a8", "a8a8", "a16a8")
# Everything else an operator does, as instructions for each of its units: ``rescale`` a value in an operator
# of its own, ``embedded_element`` one of an embedding row that is brought and added to x.
WORK_KINDS = ("call", "rescale", "norm_element", "softmax_element", "lookup", "element", "embedded_element")
# An output inside a matrix kernel, of those that do not say what theirs cost.
OUTPUT_KINDS = ("requantize",)
# What the core spends on one read of the image into the arena, and on a byte of it; nothing where a file does
# not say, as where a DMA copies.
COPY_KINDS = ("fetch", "fetched_byte")
# On a check of what was brought, and on a byte of it; only where a program has checks (mcusim/checks.py).
CHECK_KINDS = ("check", "checked_byte")
# On an embedding row that is added to x, beside its elements.
ROW_KINDS = ("embedded_row",)
# On linears with zero points, blocks, wide or online activations, beside what a plain linear costs:
# ``block_sum``: a sum of one piece of a row, times its factor, added in 64 bits; ``block_piece``: one piece
# of a pair of channels begun; ``wide_output``: an output rounded in 64 bits; ``wide_weight``: a weight
# laid out for 16-bit activations; ``wide_product``: a gated product of 16 bits, beside its rescaling;
# ``quantized``: an activation that the linear quantizes;
# ``mx_sum``: a ``block_sum`` that has an exponent too.
BLOCK_KINDS = ("block_sum", "block_piece", "wide_output", "wide_weight", "wide_product", "quantized",
               "mx_sum")  # fmt: skip
MAY_SAY = OUTPUT_KINDS + COPY_KINDS + ROW_KINDS + BLOCK_KINDS


# What a linear may cost beside its MACs and outputs; a kernel without a figure is charged nothing for it.
# ``weight``: one weight fetched and laid out for the MACs; ``loose_word``, ``loose_vector``: one laid out
# alone, outside of whole words or vectors (``weight`` and ``channel`` also of weighted values, for what they
# stage of v); ``output``: an output, in place of ``requantize``; of a product of attention ``odd`` is a MAC
# of the query that fills up a pair; ``channel``: one output channel begun, whatever the number of
# tokens; ``partial``: one whose sums are only added to others, ``partial_sum``: one of these sums, beside the
# addition; ``pair``: a pair of tokens by a pair of channels begun; ``odd``: one MAC of the token or channel
# that fills up a pair; ``unpaired``: one of the channel that fills no pair, where those run one by one;
# ``to_quad``: one output that fills up a vector of four tokens; ``past_word``: one MAC
# past the last four of a row; ``loop``: a ``pair`` whose rows have a whole vector of sixteen;
# ``to_vector``: a lane without work in the last vector of sixteen of a row; ``tail``: one such vector for a
# pair of tokens by a pair of channels.
# Of kernels that take four tokens and one channel at once: ``lane``: a lane without work in the last vector
# of a row; ``last_vector``: one such vector for up to four tokens; ``lone``: an output of a token past the
# last four; ``lone_lane``: a lane of it; ``part``: a channel begun for such tokens.
LINEAR_KINDS = ("weight", "loose_word", "loose_vector", "channel", "partial", "partial_sum", "pair", "odd",
                "loop", "to_quad", "past_word", "to_vector", "tail", "output", "lane", "last_vector", "lone",
                "lone_lane", "part", "unpaired")  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A measured matrix kernel: instructions for each MAC at ``inner`` inputs, all its work included.

    ``terms`` has figures for some of LINEAR_KINDS; what weights and channels cost is then shared by
    ``tokens`` rows of activations in ``instructions_per_mac``.
    """

    name: str
    inner: int
    instructions_per_mac: Figure
    tokens: int = 1
    terms: Mapping[str, Figure] = field(default_factory=dict)

    def marginal(self, requantize: float) -> float:
        """Instructions of one more MAC: the figure less its outputs, its pairs of tokens by channels (four
        outputs each), whose rows have whole vectors, weights and channels."""
        outputs = self.output(requantize) + (self.term("pair") + self.term("loop")) / 4
        once = self.term("weight") + self.term("channel") / self.inner
        return self.instructions_per_mac.value - outputs / self.inner - once / self.tokens

    def output(self, requantize: float) -> float:
        """Instructions of an output, which is a linear's where the kernel has no figure of its own."""
        return self.term("output") if "output" in self.terms else requantize

    def term(self, kind: str) -> float:
        """Instructions for one unit of ``kind``."""
        return self.terms[kind].value if kind in self.terms else 0.0


@dataclass(frozen=True)
class Target:
    """The compiled target whose programs this core runs; ``basis`` is ``assumed`` for a stand-in."""

    target: str
    basis: Basis


@dataclass(frozen=True)
class Core:
    """``macs`` maps each of MAC_KINDS to the kernel that does it, ``work`` each of WORK_KINDS to
    instructions for one unit.

    ``pipeline``: which anchors of published silicon speak for the core, empty for none (mcusim/silicon.py).
    ``picojoules_per_cycle``: of any part with the core, for one whose run current is not known.
    ``checked``: a transfer from flash takes its check as well (mcusim/checks.py).
    """

    name: str
    title: str
    kernels: Mapping[str, Kernel]
    macs: Mapping[str, Kernel]
    work: Mapping[str, Figure]
    cycles_per_instruction: Span
    picojoules_per_cycle: Span
    program: Target
    pipeline: str
    checked: bool = False

    def instructions_per_mac(self, kind: str) -> float:
        """Marginal instructions of one MAC."""
        return self._marginal[kind]

    @cached_property
    def _marginal(self) -> dict[str, float]:
        """By kind of MAC; asked for at every site of every estimate."""
        requantize = self.unit("requantize")
        return {kind: kernel.marginal(requantize) for kind, kernel in self.macs.items()}

    def unit(self, kind: str) -> float:
        """Instructions for one unit of WORK_KINDS or MAY_SAY."""
        return self.work[kind].value if kind in self.work else 0.0

    def named_figures(self) -> Iterator[tuple[str, Figure | Span]]:
        """Every number that an estimate of time rests on, with its name."""
        for kind in MAC_KINDS:
            kernel = self.macs[kind]
            yield f"instructions a {kind} MAC ({kernel.name})", kernel.instructions_per_mac
            for term, figure in kernel.terms.items():
                yield f"instructions a {kind} {term} ({kernel.name})", figure
        for kind, figure in self.work.items():
            yield f"instructions a {kind}", figure
        yield "cycles an instruction", self.cycles_per_instruction


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
        work={kind: work.figure(kind) for kind in (*WORK_KINDS, *filter(work.has, MAY_SAY))},
        cycles_per_instruction=table.span("cycles_per_instruction"),
        picojoules_per_cycle=table.span("picojoules_per_cycle"),
        program=_target(table.table("program")),
        pipeline=table.text("pipeline") if table.has("pipeline") else "",
    )
    for section in (use, work, table):
        section.finish()
    for kind in MAC_KINDS:
        if "output" not in macs[kind].terms and "requantize" not in core.work:
            raise work.error(f"kernel {macs[kind].name} says no output: instructions.requantize must say "
                             "what an output costs.", "call")  # fmt: skip
        if core.instructions_per_mac(kind) <= 0:
            output = macs[kind].output(core.unit("requantize"))
            raise work.error(f"an output costs {output:g} instructions, more than kernel {macs[kind].name} "
                             "spends on all of a row's work.", "call")  # fmt: skip
    return core


def _target(row: Table) -> Target:
    target = Target(row.text("target"), row.basis())
    row.finish()
    return target


def _kernels(table: Table) -> Iterator[tuple[Table, Kernel]]:
    for key in table.data:
        row = table.table(key)
        terms = {kind: row.figure(kind) for kind in LINEAR_KINDS if row.has(kind)}
        tokens = row.whole("tokens", 1) if terms else 1
        yield row, Kernel(key, row.whole("inner", 1), row.figure("instructions_per_mac"), tokens, terms)
        row.finish()
