"""What a linked program takes beside its image and its arena: code, statics and stack, from builds.

``data/programs.toml`` has one row for each compiled target and set of kernels; it is written by
a build and never edited.  A core file names the target its figures come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mcusim.catalogue import SHIPPED
from mcusim.figures import Basis, Figure
from mcusim.parts import Part
from mcusim.toml_checks import read_table
from refimpl.formats import Format
from refimpl.models.config import ModelConfig

PATH = SHIPPED / "programs.toml"
ANY = "any"


@dataclass(frozen=True)
class Program:
    """Bytes of a program.

    ``code``: instructions, constants and the load copy of initialised data, in non-volatile memory.
    ``statics``: initialised and zeroed data beside the arena; ``stack``: the reserve; both in SRAM.
    """

    code: Figure
    statics: Figure
    stack: Figure

    @property
    def bytes(self) -> int:
        return self.code.count + self.in_sram

    @property
    def in_sram(self) -> int:
        """Bytes that stand beside the arena."""
        return self.statics.count + self.stack.count

    def named_figures(self) -> tuple[tuple[str, Figure], ...]:
        return ("code", self.code), ("statics", self.statics), ("stack", self.stack)


@dataclass(frozen=True)
class Build:
    """A measured row: ``kernels`` is the set that was linked (:func:`kernels_of`), or ANY."""

    target: str
    kernels: str
    code: int
    statics: int
    stack: int


def kernels_of(config: ModelConfig, format: Format) -> str:
    """The set of kernels that a deployment links, such as ``mlp-w4-int16``.

    Formats beside 4 and 8 bits a row with int8 activations link kernels of their own: their set is named
    by the format, and as long as no build has it, its figures are ``assumed``.
    """
    mixer = "attention" if config.token_intermediate_size is None else "mlp"
    usual = format.weights.name in ("w4c", "w4t", "w8c", "w8t") and format.activations.name == "a8"
    weights = f"w{format.weights.bits}" if usual else f"{format.weights.name}-{format.activations.name}"
    return f"{mixer}-{weights}-{format.carry}"


@cache
def builds() -> tuple[tuple[Build, ...], str]:
    """All measured rows, and the compiler that made them."""
    table = read_table(PATH)
    rows = []
    for row in table.tables("program"):
        rows.append(Build(row.text("target"), row.text("kernels"), row.whole("code"), row.whole("statics"),
                          row.whole("stack")))  # fmt: skip
        row.finish()
    compiler = table.text("compiler")
    table.finish()
    return tuple(rows), compiler


def program_of(part: Part, kernels: str) -> Program:
    """The program that a part runs with one set of kernels.

    A set that was not built takes the largest figures of the target; a target without any row takes the
    largest of all, and so does a core whose file only assumes its target: those are ``assumed``, and the
    part's own code allowance goes before them.
    """
    core = part.core
    rows, compiler = builds()
    of_target = [row for row in rows if row.target == core.program.target]
    exact = [row for row in of_target if row.kernels in (kernels, ANY)]
    chosen = exact or of_target or list(rows)
    basis: Basis = "measured" if exact and core.program.basis == "measured" else "assumed"
    target = core.program.target if of_target else "any target, the largest"
    source = f"this project's firmware linked by {compiler} for {target}"
    if not exact:
        source += f"; {kernels} was not built for it"
    if exact and basis == "assumed":
        source += f", as stand-in for {core.title}"
    code, statics, stack = (Figure(max(getattr(row, what) for row in chosen), basis, source)
                            for what in ("code", "statics", "stack"))  # fmt: skip
    if basis == "assumed" and part.code_allowance is not None:
        code = part.code_allowance
    return Program(code, statics, stack)
