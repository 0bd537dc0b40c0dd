"""What checking every transfer from flash costs (``data/checks.toml``), charged to part, program and plan.

The rows are written by ``firmware/checks.py``.  A target that was not measured takes the largest figures,
which are then ``assumed``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

from mcusim.catalogue import SHIPPED
from mcusim.checksum import PIECE
from mcusim.cores import CHECK_KINDS, Core
from mcusim.figures import Basis, Figure
from mcusim.parts import Part
from mcusim.planner.ledger import Ledger
from mcusim.planner.plan import Plan
from mcusim.program import Program
from mcusim.toml_checks import read_table

PATH = SHIPPED / "checks.toml"
IMAGE_CHECK = "image check"  # the site charged with reading the whole image, before and after a puzzle
SOURCE = "exports with and without --check-tiles (firmware/checks.py)"


@dataclass(frozen=True)
class Check:
    """Bytes that a checking program has more, without its tables of sums, and instructions for each
    ``check`` and ``byte`` that it sums; None where no emulator counted them."""

    target: str
    code: int
    statics: int
    stack: int
    check: float | None
    byte: float | None


@cache
def checks() -> tuple[Check, ...]:
    """All measured rows."""
    table, rows = read_table(PATH), []
    for row in table.tables("check"):
        counted = row.has("byte")
        rows.append(Check(row.text("target"), row.whole("code"), row.whole("statics"), row.whole("stack"),
                          row.number("check") if counted else None,
                          row.number("byte") if counted else None))  # fmt: skip
        row.finish()
    table.finish()
    return tuple(rows)


def _rows(target: str) -> list[Check]:
    return [row for row in checks() if row.target == target] or list(checks())


def checked_core(core: Core) -> Core:
    """``core`` with what a check takes and a byte that it sums."""
    counted = [row for row in _rows(core.program.target) if row.byte is not None]
    basis: Basis = "measured" if counted and core.program.basis == "measured" else "assumed"
    counted = counted or [row for row in checks() if row.byte is not None]
    most = max(row.check or 0.0 for row in counted), max(row.byte or 0.0 for row in counted)
    more = {kind: Figure(value, basis, SOURCE) for kind, value in zip(CHECK_KINDS, most, strict=True)}
    return replace(core, work={**core.work, **more}, checked=True)


def checked_part(part: Part) -> Part:
    return replace(part, core=checked_core(part.core))


def with_checks(program: Program, part: Part) -> Program:
    """``program`` that checks what it fetches, without its tables of sums."""
    target = part.core.program.target
    rows = _rows(target)
    own = any(row.target == target for row in rows)
    added = (max(row.code for row in rows), max(row.statics for row in rows), max(row.stack for row in rows))
    figures = []
    for (_, figure), more in zip(program.named_figures(), added, strict=True):
        basis: Basis = figure.basis if own else "assumed"
        figures.append(Figure(figure.count + more, basis, f"{figure.source}; {SOURCE}"))
    return Program(*figures)


def with_sums(program: Program, tables: int) -> Program:
    """``program`` with its tables of sums."""
    return replace(program, code=replace(program.code, value=program.code.count + tables))


def with_image_read(plan: Plan, image: int) -> Plan:
    """``plan`` that reads the image twice, in pieces, for every puzzle."""
    start = Ledger()
    start.add(plan.start)
    reads = Counter({PIECE: 2 * (image // PIECE)})
    if image % PIECE:
        reads[image % PIECE] += 2
    work = start.sites[IMAGE_CHECK]
    work.constants += reads
    work.arrived += reads
    return replace(plan, start=start)
