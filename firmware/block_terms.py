"""What mcusim's core files say that only exported programs tell: ``make -C firmware block-terms``.

    python firmware/block_terms.py FOLDER

Exports networks, counts the instructions of one ACT step on every emulated board, and fits what mcusim's
other terms leave over: BLOCK_KINDS to the calls of one network in the formats of FORMATS, what an element of
an embedding row costs to what goes before the calls of EMBEDDED, with the figure of a row as it stands.
FOLDER keeps exports and counts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from export_counts import PARTS, built_plugin, one_step, phases, predicted, site_counts
from products import fit

from mcusim.cores import BLOCK_KINDS
from mcusim.laid import lay
from mcusim.parts import Part
from mcusim.planner.ledger import Ledger
from mcusim.planner.plan import Plan
from mcusim.timing import WORK_OF_COUNT

ELEMENT = ("embedded_element",)
EMBEDDED = ("sudoku6-mlp", "sudoku9-mlp", "sudoku9-att", "sudoku9-rope", "maze10-att")
NETWORK = "sudoku6-mlp"
FORMATS = ("w4a", "w4g32", "w4g16s", "mxint4", "w4c-a16", "w4c-a8p16", "w8c-a8d", "w4g32-a8d", "w4g32-amx")
COUNT_OF = {row: count for count, row in WORK_OF_COUNT.items()}


def left_over(
    plan: Plan, ledger: Ledger, part: Part, found: int, kinds: Sequence[str]
) -> tuple[list[int], float]:
    """Units of ``kinds`` in a ledger, and the instructions that no other term explains."""
    each = site_counts(plan, ledger)
    units = [sum(getattr(counts, COUNT_OF[kind]) for counts in each) for kind in kinds]
    fitted_here = sum(part.core.unit(kind) * number for kind, number in zip(kinds, units, strict=True))
    return units, found - (predicted(plan, ledger, part) - fitted_here)


def fitted(rows: list[tuple[list[int], float, int]]) -> list[float]:
    """Instructions a unit, none below nothing, by relative least squares over (units, left over, counted) of
    several programs."""
    units, rest, total = (np.array(column, float) for column in zip(*rows, strict=True))
    return fit(units / total[:, None], rest / total)[0]


def main(out: Path) -> None:
    plugin = built_plugin(out)
    for board, part in PARTS.items():
        rows = []
        for text in FORMATS:
            asked = one_step(NETWORK, "chosen", text, "fixed")
            found = phases(asked, board, plugin, out / text).instructions["call"]
            plan = lay(asked).plan
            calls = plan.work(plan.config.order.per_step)
            rows.append((*left_over(plan, calls, part, found, BLOCK_KINDS), found))
        terms = list(zip(BLOCK_KINDS, fitted(rows), strict=True))
        rows = []
        for network in EMBEDDED:
            asked = one_step(network, "traffic")
            found = phases(asked, board, plugin, out / network).instructions["start"]
            plan = lay(asked).plan
            units, over = left_over(plan, plan.start, part, found, ELEMENT)
            if units[0]:
                rows.append((units, over, found))
        terms += zip(ELEMENT, fitted(rows), strict=True)
        print(board, ", ".join(f"{kind} {value:.1f}" for kind, value in terms))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
