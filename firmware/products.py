"""Terms of mcusim's core files that only products alone tell: ``make -C firmware products`` prints them.

A bench is called CORE-KERNEL-PRODUCT-INPUTS-OUTPUTS-ROWS.  ``instructions_per_mac`` of a core file, for a
whole head of 81 queries and keys, stands; what outputs, odd queries, a staged column of v and an element of
it cost is fitted on shapes with few queries and many.  Of a linear that only adds its sums to others (``p8``,
``p4``) a channel and a sum (``partial``, ``partial_sum``) are fitted beside other terms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from core_rows import USED, part_of

from mcusim.cores import Core
from mcusim.parts import Part, load_part
from mcusim.planner.ledger import NO_ROWS, Work, operator_counts, product_counts
from mcusim.timing import instructions
from workbench.counting import Counts

PARTS = {kernel: part_of(core) for core, kernel in USED.items()} | {"rv32-plain": load_part("qemu-virt-rv32")}
PRODUCTS = {"scores": ("scores", "a8a8"), "values": ("weighted_values", "a16a8")}
# Count -> term of a core file.
TERMS = {
    "scores": {"score_outputs": "output", "odd_scores": "odd"},
    "values": {"value_outputs": "output", "odd_values": "odd", "value_columns": "channel",
               "value_codes": "weight"},
}  # fmt: skip
PARTIAL = {"p8": 8, "p4": 4}
SHARED = 81  # keys, or queries, of the network that instructions_per_mac was counted on, to one staging


def counted(folder: Path, kernel: str, product: str) -> dict[tuple[int, int, int], int]:
    """(inputs, outputs, rows) -> instructions."""
    found = {}
    for path in sorted(folder.glob(f"{kernel}-{product}-*.bench")):
        inner, outputs, rows = map(int, path.name.removesuffix(".bench").split("-")[3:])
        lines = (line.split("\t") for line in path.read_text().splitlines())
        found[inner, outputs, rows] = sum(int(line[3]) for line in lines if line[0] == "call")
    return found


def fit(units: np.ndarray, rest: np.ndarray) -> tuple[list[float], float]:
    """Instructions for one of each unit, none below nothing, and the largest error of any shape; units and
    what is to be explained are relative to the shapes' counts."""
    used = np.ones(units.shape[1], bool)
    while True:
        terms = np.zeros(len(used))
        terms[used] = np.linalg.lstsq(units[:, used], rest, rcond=None)[0]
        if terms.min() >= 0:
            return list(map(float, terms)), float(np.abs(units @ terms - rest).max())
        used &= terms >= 0


def product_terms(
    core: Core, product: str, counts: dict[tuple[int, int, int], int]
) -> tuple[list[float], float]:
    """TERMS of one of attention's products, and the largest relative error of any shape."""
    operator, kind = PRODUCTS[product]
    kernel = core.macs[kind]
    rows = []
    for (inner, outputs, queries), total in counts.items():
        found = product_counts(operator, (1, queries, outputs), inner)
        units = [inner * outputs * queries, *(found[count] for count in TERMS[product])]
        rows.append([number / total for number in units])
    (mac, *terms), _ = fit(np.array(rows), np.ones(len(rows)))
    # What the figure for a whole head has beside its MACs and what is staged for them is its outputs'.
    named = dict(zip(TERMS[product].values(), terms, strict=True))
    staged = (named.get("weight", 0.0) + named.get("channel", 0.0) / kernel.inner) / SHARED
    terms[0] = (kernel.instructions_per_mac.value - mac - staged) * kernel.inner
    return terms, float(np.abs(np.array(rows) @ np.array([mac, *terms]) - 1).max())


def partial(part: Part, bits: int, counts: dict[tuple[int, int, int], int]) -> tuple[list[float], float]:
    """Instructions for a channel and a sum that is added, and the largest relative error of any shape."""
    kernel = part.core.macs[f"w{bits}a8"]
    rest, rows = [], []
    for (inner, channels, tokens), total in counts.items():
        outputs, work = channels * tokens, Work()
        work.charge(Counts(macs=outputs * inner, adds=outputs, weight_elements=channels * inner))
        work.charge_rows(outputs, inner, channels, bits, partial=True)
        known = instructions(operator_counts(work, bits, NO_ROWS), part)
        known -= channels * kernel.term("partial") + outputs * kernel.term("partial_sum")
        rest.append(1 - known / total)
        rows.append([channels / total, outputs / total])
    return fit(np.array(rows), np.array(rest))


def said(names: Iterable[str], terms: list[float], off: float) -> str:
    pairs = ", ".join(f"{name} {term:.2f}" for name, term in zip(names, terms, strict=True))
    return f"{pairs}; within {100 * off:.1f} %"


def main(folder: Path) -> None:
    for kernel, part in PARTS.items():
        name = part.core.name
        for product in PRODUCTS:
            found = product_terms(part.core, product, counted(folder, kernel, product))
            print(f"{name} {product}: {said(TERMS[product].values(), *found)}")
        for form, bits in PARTIAL.items():
            found = partial(part, bits, counted(folder, kernel, form))
            print(f"{name} linear_s{bits}: {said(('partial', 'partial_sum'), *found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
