"""What attention's products stage, for mcusim's core files: ``make -C firmware products`` prints it.

A bench is called CORE-KERNEL-PRODUCT-INPUTS-OUTPUTS-QUERIES.  ``instructions_per_mac`` of a core file, for a
whole head of 81 queries, and ``requantize`` stand; what a staged row and a staged element cost (``channel``,
``weight``) is fitted on shapes with few queries and many.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mcusim.cores import Core, load_core
from mcusim.planner.ledger import staged_counts

CORES = {"m7-dsp": "cortex-m7-rr", "m55-mve": "cortex-m55-rr", "rv32-plain": "rv32-rr"}
PRODUCTS = {"scores": ("scores", "a8a8"), "values": ("weighted_values", "a16a8")}
QUERIES = 81  # of the network that instructions_per_mac was counted on


def counted(folder: Path, kernel: str, product: str) -> dict[tuple[int, int, int], int]:
    """(inputs, outputs, queries) -> instructions."""
    found = {}
    for path in sorted(folder.glob(f"{kernel}-{product}-*.bench")):
        inner, outputs, queries = map(int, path.name.removesuffix(".bench").split("-")[3:])
        lines = (line.split("\t") for line in path.read_text().splitlines())
        found[inner, outputs, queries] = sum(int(line[3]) for line in lines if line[0] == "call")
    return found


def fit(core: Core, product: str, counts: dict[tuple[int, int, int], int]) -> tuple[float, float, float]:
    """Instructions for a row and an element staged, and the largest relative error of any shape."""
    operator, kind = PRODUCTS[product]
    kernel, requantize = core.macs[kind], core.work["requantize"].value
    rest, rows = [], []
    for (inner, outputs, queries), total in counts.items():
        macs = inner * outputs * queries
        bare = kernel.instructions_per_mac.value - requantize / kernel.inner
        staged, codes = staged_counts(operator, (1, queries, outputs), inner).values()
        once = macs / QUERIES
        rest.append(1 - (macs * bare + outputs * queries * requantize) / total)
        rows.append([(staged - once / kernel.inner) / total, (codes - once) / total])
    units, wanted = np.array(rows), np.array(rest)
    terms = np.linalg.lstsq(units, wanted, rcond=None)[0]
    if terms.min() < 0:  # no work takes less than none: the other term alone
        terms = np.where(terms > 0, units.T @ wanted / (units**2).sum(axis=0), 0)
    return float(terms[0]), float(terms[1]), float(np.abs(units @ terms - wanted).max())


def main(folder: Path) -> None:
    for kernel, name in CORES.items():
        for product in PRODUCTS:
            row, code, off = fit(load_core(name), product, counted(folder, kernel, product))
            print(f"{name} {product}: channel {row:.1f}, weight {code:.3f}; within {100 * off:.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
