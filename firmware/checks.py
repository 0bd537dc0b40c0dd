"""``mcusim/data/checks.toml``: what a program that checks its tiles takes more, by target.

    python firmware/checks.py FOLDER      (make -C firmware checks)

Exports networks with and without ``--check-tiles``, links both for each target, and takes the largest
differences; where a target has an emulator, counts both and fits instructions of a check and of a byte that
it sums.  FOLDER keeps exports and counts.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from export_counts import PARTS, built_plugin, one_step, phases
from programs import TARGETS, exported, measured

from mcusim.checks import PATH
from mcusim.elf import read_elf
from mcusim.kernels import rooms_of
from mcusim.laid import lay
from mcusim.planner.ledger import total_bytes, total_reads
from refimpl.formats import parse_format
from workbench.networks import find_network

FLAG = "--check-tiles"
LINKED = (("sudoku9-mlp", "w4c-a8-c16"), ("sudoku9-rope", "w4c-a8-c16"), ("sudoku9-hrm", "w4c-a8p16-c8"),
          ("sudoku9-mlp", "w4g32-a8d-c16"))  # fmt: skip
COUNTED = (("sudoku9-mlp", "w4c", "least"), ("sudoku9-mlp", "w8c", "least"), ("sudoku9-mlp", "w8c", "chosen"),
           ("sudoku9-rope", "w8c", "least"))  # fmt: skip
HEAD = """\
# What a program exported with --check-tiles takes more: the largest differences of firmware/checks.py,
# which writes this file.  code without its tables of sums, statics and stack in bytes; instructions of a
# check and of a byte that it sums, fitted on exports counted under the emulators.
"""


def bytes_of(out: Path, target: str) -> dict[str, int]:
    """The largest differences of linked programs."""
    most = {"code": 0, "statics": 0, "stack": 0}
    for network, format in LINKED:
        rooms = rooms_of(find_network(network).config, parse_format(format))
        folders = [exported(out, network, format, *more) for more in ((), (FLAG,))]
        before, after = (measured(folder, target, rooms) for folder in folders)
        elf = read_elf(folders[1] / "build" / f"{target}-solve.elf")
        after["code"] -= sum(symbol.size for symbol in elf.named("rr_sums_"))
        most = {name: max(most[name], after[name] - before[name]) for name in most}
    return most


def share_of(out: Path, board: str, plugin: Path) -> tuple[float, float]:
    """Instructions of a check and of a byte, from the calls of one step; prints their share."""
    units, more = [], []
    for network, format, plan in COUNTED:
        plain = one_step(network, plan, format, "fixed")
        asked = replace(plain, check_tiles=True)
        name = f"{network}-{format}-{plan}"
        folders = out / f"{name}-plain", out / f"{name}-checked"
        before, after = (
            phases(one, board, plugin, folder).instructions["call"]
            for one, folder in zip((plain, asked), folders, strict=True)
        )
        found = lay(asked).plan
        work = found.work(found.config.order.per_step)
        units.append([work.sum(lambda w: total_reads(w.arrived)), work.sum(lambda w: total_bytes(w.arrived))])
        more.append(after - before)
        share = f"{100 * (after / before - 1):.2f} % of {before:,} instructions"
        print(board, network, format, plan, share, file=sys.stderr)
    each = np.array(more, float)
    solved = np.linalg.lstsq(np.array(units) / each[:, None], np.ones(len(each)), rcond=None)[0]
    print(board, "fitted / counted", (np.array(units) @ solved / each).round(3).tolist(), file=sys.stderr)
    return float(solved[0]), float(solved[1])


def main(out: Path) -> None:
    plugin = built_plugin(out)
    text = HEAD
    for target, name in TARGETS.items():
        figures: dict[str, object] = dict(bytes_of(out, target))
        if target in PARTS:
            check, byte = share_of(out.absolute(), target, plugin)
            figures |= {"check": round(check, 1), "byte": round(byte, 3)}
        text += f'\n[[check]]\ntarget = "{name}"\n'
        text += "".join(f"{key} = {value}\n" for key, value in figures.items())
    PATH.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
