"""What a linked program takes beside its image and its arena: code, statics and stack, from builds.

``data/programs.toml`` has one row for each compiled target and set of kernels; it is written by
a build and never edited.  A core file names the target its figures come from.  A set is a mixer, a kind of
linear and a carry: what is linked depends on nothing else, for widths and blocks are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mcusim.catalogue import SHIPPED
from mcusim.figures import Basis, Figure
from mcusim.kernels import Rooms, rooms_of
from mcusim.parts import Part
from mcusim.toml_checks import read_table
from refimpl.formats import Format, parse_format
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import skeleton
from refimpl.models.tree import leaves

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
    """A measured row: ``kernels`` is the set that was linked (:func:`kernels_of`), or ANY.

    ``statics`` are those of a program without rooms; each of their inputs adds ``staged`` or ``quantized``
    bytes.
    """

    target: str
    kernels: str
    code: int
    statics: int
    staged: int
    quantized: int
    stack: int


def linear_kernel(config: ModelConfig, format: Format) -> str:
    """The kind of linear that a deployment links: ``rows`` with one scale each, ``blocks`` (or zero points or
    wide activations), or ``online``, which quantizes its activations itself."""
    if format.activations.online != "static":
        return "online"
    linears = [spec.name for spec in leaves(skeleton(config)) if spec.kind == "linear"]
    return "rows" if all(format.plain_at(name) for name in linears) else "blocks"


def kernels_of(config: ModelConfig, format: Format) -> str:
    """The set of kernels that a deployment links, such as ``mlp-rows-int16``."""
    mixer = "attention" if config.token_intermediate_size is None else "mlp"
    return f"{mixer}-{linear_kernel(config, format)}-{format.carry}"


@dataclass(frozen=True)
class Again:
    """What ``rr_solve_accepted`` adds to a program: ``code`` without its tables, ``room`` bytes of statics
    for each token, ``stack``.  ``rules`` are those that it checks of an answer: sudoku, maze."""

    target: str
    rules: str
    code: int
    room: int
    stack: int


TABLE_ROW = 16  # bytes of two addresses and two lengths


def retry_tables(config: ModelConfig, count: int) -> int:
    """Bytes of the tables of ``count`` relabellings: new names of tokens, and where each cell comes from."""
    return count * (aligned(config.vocab_size) + aligned(2 * config.seq_len) + TABLE_ROW)


def retry_room(room: int, config: ModelConfig) -> int:
    """Bytes of statics at ``room`` a token, with what a linker may add where they end."""
    return aligned(room * config.seq_len, 16)


def aligned(size: int, step: int = 4) -> int:
    """``size`` with the padding up to the next multiple of ``step``."""
    return -(-size // step) * step


@cache
def builds() -> tuple[tuple[Build, ...], tuple[Again, ...], str]:
    """All measured rows, those of retries, and the compiler that made them."""
    table = read_table(PATH)
    rows, again = [], []
    for row in table.tables("program"):
        rows.append(Build(row.text("target"), row.text("kernels"), row.whole("code"), row.whole("statics"),
                          row.whole("staged"), row.whole("quantized"), row.whole("stack")))  # fmt: skip
        row.finish()
    for row in table.tables("retries"):
        again.append(Again(row.text("target"), row.text("rules"), row.whole("code"), row.whole("room"),
                           row.whole("stack")))  # fmt: skip
        row.finish()
    compiler = table.text("compiler")
    table.finish()
    return tuple(rows), tuple(again), compiler


def with_retries(program: Program, part: Part, config: ModelConfig, count: int) -> Program:
    """``program`` with ``rr_solve_accepted`` and the tables of ``count`` relabellings; itself without any.

    A task or a target that was not built takes the largest figures, which are then ``assumed``.
    """
    if not count:
        return program
    _, rows, _ = builds()
    core = part.core.program
    of_target = [row for row in rows if row.target == core.target]
    exact = [row for row in of_target if row.rules == config.task]
    chosen = exact or of_target or rows
    added = (max(row.code for row in chosen) + retry_tables(config, count),
             retry_room(max(row.room for row in chosen), config),
             max(row.stack for row in chosen))  # fmt: skip
    figures = []
    for (_, figure), more in zip(program.named_figures(), added, strict=True):
        basis: Basis = "measured" if exact and figure.basis == "measured" else "assumed"
        figures.append(Figure(figure.count + more, basis, f"{figure.source}; {count} retries"))
    return Program(*figures)


# What a second plan has of its own: where its tokens are and its row, in statics; the frame of rr_finish.
PLACES, FRAME = 8, 64


def bare_program(part: Part, config: ModelConfig, format: Format) -> Program:
    """The program of a deployment without retries.

    The second program of a stop rule is charged as if it shared no code with the first, and no statics where
    it links another set of kernels: ``assumed``, for no build has both.
    """
    formats = [format, *map(parse_format, [config.stop.by] * bool(config.stop.by))]
    sets = [kernels_of(config, one) for one in formats]
    rooms = rooms_of(config, *formats)
    first, *rest = (program_of(part, kernels, rooms) for kernels in sets)
    if not rest:
        return first
    [second] = rest
    shared = second.statics.count if sets[0] == sets[1] else 0
    counts = (first.code.count + second.code.count,
              first.statics.count + second.statics.count - shared + PLACES * bool(shared),
              max(first.stack.count, second.stack.count) + FRAME)  # fmt: skip
    source = f"{first.code.source}; and the second program of the stop rule, {sets[1]}"
    return Program(*(Figure(count, "assumed", source) for count in counts))


def program_of(part: Part, kernels: str, rooms: Rooms) -> Program:
    """The program that a part runs with one set of kernels and the rooms of its deployment.

    A set that was not built takes the largest figures of the target; a target without any row takes the
    largest of all, and so does a core whose file only assumes its target: those are ``assumed``, and the
    part's own code allowance goes before them.
    """
    core = part.core
    rows, _, compiler = builds()
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
    room = (row.statics + row.staged * rooms.staged + row.quantized * rooms.quantized for row in chosen)
    largest = max(row.code for row in chosen), max(room), max(row.stack for row in chosen)
    code, statics, stack = (Figure(size, basis, source) for size in largest)
    if basis == "assumed" and part.code_allowance is not None:
        code = part.code_allowance
    return Program(code, statics, stack)
