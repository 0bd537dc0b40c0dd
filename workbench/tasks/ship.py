"""Makes the puzzle files that ship with the package: ``python -m workbench.tasks.ship [DIRECTORY]``.

Both sets follow from a recorded seed alone; no network has ever seen a puzzle before it was chosen.
The numbers of givens take turns, so that the first k puzzles are as mixed as the whole.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from workbench.tasks.sudoku import Grid
from workbench.tasks.sudoku_generate import generate


@dataclass(frozen=True)
class Recipe:
    """One file: ``count`` puzzles from ``seed``, the numbers of givens in ``givens`` taking turns."""

    file: str
    count: int
    givens: tuple[int, ...]
    seed: int


SHIPPED = Recipe("sudoku9.csv", 256, (26, 28, 30, 32), 20260101)
CALIBRATION = Recipe("sudoku9_calibration.csv", 64, tuple(range(28, 37)), 20260202)
DATA = Path(__file__).parent.parent / "data" / "puzzles"


def csv_text(recipe: Recipe) -> str:
    """Return the file's content: ``question,answer,givens``, one puzzle per line, ``.`` = blank."""
    givens = [recipe.givens[index % len(recipe.givens)] for index in range(recipe.count)]
    batch = generate(recipe.count, givens, recipe.seed)
    lines = ["question,answer,givens"]
    for question, answer, shown in zip(batch.questions, batch.answers, givens, strict=True):
        lines.append(f"{spell(question)},{spell(answer)},{shown}")
    return "\n".join(lines) + "\n"


def spell(grid: Grid) -> str:
    """Return a grid as a string of digits, ``.`` for a blank."""
    return "".join(str(digit) if digit else "." for digit in grid)


def write(recipe: Recipe, directory: Path) -> Path:
    """Write the file of ``recipe`` into ``directory`` (to a temporary name first)."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / recipe.file
    partial = path.with_suffix(".partial")
    partial.write_text(csv_text(recipe), encoding="ascii", newline="\n")
    os.replace(partial, path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workbench.tasks.ship", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=DATA,
                        help="where to write (default: the package)")
    arguments = parser.parse_args()
    for recipe in (SHIPPED, CALIBRATION):
        print(write(recipe, arguments.directory))


if __name__ == "__main__":
    main()
