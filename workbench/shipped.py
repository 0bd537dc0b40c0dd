"""Where golden vectors and firmware sources lie: inside an installed package, or in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_HERE = Path(__file__).resolve().parent
# Networks that the wheel leaves out for their size; the repository has them in workbench/data/networks.
APART = (
    "arc10-att",
    "sudoku9-hrm",
    "sudoku9-mlp-adamw12",
    "sudoku9-pair-att",
    "sudoku9-pair-att-seed2",
    "sudoku9-pair-att-seed3",
    "sudoku9-pair-mlp-seed2",
    "sudoku9-pair-mlp-seed3",
    "sudoku9-wide-att",
    "sudoku9-wide-mlp",
    "sudoku9-rope",
)


def shipped(name: Literal["golden", "firmware"]) -> Path:
    """Return the folder of golden files or of the C sources; setup.py puts both into a wheel."""
    inside = _HERE / "shipped" / name
    return inside if inside.is_dir() else _HERE.parent / name
