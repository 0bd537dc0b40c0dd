"""What formats of 4 bits or fewer keep of float's accuracy, network by network, beside naive INT4.

``python benchmarks/narrow.py NETWORK... --store STORE --out results/tables/narrow.md``

The accuracy part of ``mcusim fit``: the candidates below run its calibration puzzles, the most exact one runs
its held-out puzzles, stopped by head+settled and with two retries; naive INT4 runs them at full length.
Resumable: finished batches are lines of STORE, finished networks lines of RESULTS; without networks the
table of RESULTS is printed.
"""

from __future__ import annotations

import argparse
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from mcusim.fitting.candidates import NAIVE, Tried, candidates
from mcusim.fitting.finals import Runs, finals, solver
from mcusim.fitting.front import Limits, paired
from mcusim.fitting.measure import Measured, Solver, Store, measure
from mcusim.fitting.race import Entrant
from mcusim.fitting.report import narrow
from mcusim.fitting.run import Wanted, sets
from workbench.command_line import number
from workbench.content import FLOAT
from workbench.executors import local
from workbench.files.outputs import write_file
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.networks import find_network
from workbench.render.grid import Grid, markdown, percent
from workbench.tasks.sets import CALIBRATION_PUZZLES, calibration_set

BAR = 0.97
FEW: Tried = (
    (NAIVE, "nearest", "clipped"), ("w4c-a8-c16", "feedback", "clipped"),
    ("w4c-a8p16-c16", "feedback", "clipped"), ("w4g32-a8p16-c16", "nearest", "clipped"),
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A network's row: held-out puzzles that float, naive INT4 at full length and the recommendation solve,
    this one ``once``, without retries, and in all its tries; ``change``: its share against float's, with the
    paired 95 % interval."""

    network: str
    calibration: str
    held_out: str
    puzzles: int
    float_right: int
    naive_right: int
    configuration: str
    once: int
    right: int
    mean_steps: float
    change: tuple[float, float, float]

    @property
    def kept(self) -> tuple[float, ...]:
        """Share of float's puzzles kept, and the ends of its interval (float's own share taken as known)."""
        share = self.float_right / self.puzzles
        return tuple(1 + change / share for change in self.change)


def measured(name: str, puzzles: int, store: Store, executor: Executor) -> Kept:
    """Race the candidates on calibration puzzles and run the best of them on the held-out ones."""
    network = find_network(name)
    raced, held_out = sets(Wanted(name, "", Limits(BAR), puzzles, None, None, store.path, None), network)
    calibration = calibration_set(network.config)
    entrants = [Entrant(c, len(c.network.image(c.recipe.format)), c.recipe.name == NAIVE)
                for c in candidates(network, calibration.rows(0, CALIBRATION_PUZZLES, ""), FEW)]  # fmt: skip

    def run(what: str, runs: Runs) -> dict[str, Measured]:
        return dict(measure(runs, store, executor))

    seen = run("race", [(solver(one), raced) for one in entrants])
    naive = next(one for one in entrants if one.kept)
    ranked = sorted((one for one in entrants if not one.kept), key=lambda one: (
        -int(seen[one.name].exact[-1].sum()), one.image, one.name))  # fmt: skip
    rows, floats = finals([naive, ranked[0]], seen, Solver(FLOAT, network, FLOAT), raced, held_out, run)
    best, base = narrow(rows)
    assert best is not None
    assert best.held_out is not None
    assert base is not None
    assert base.held_out is not None
    once = next(row for row in rows if (row.candidate, row.depth, row.rule, row.taken.retries)
                == (best.candidate, best.depth, best.rule, 0))  # fmt: skip
    assert once.held_out is not None
    found = paired(floats, best.held_out)
    return Kept(name, raced.origin, held_out.origin, len(floats), int(floats.sum()), int(base.held_out.sum()),
                best.name, int(once.held_out.sum()), int(best.held_out.sum()), round(best.steps, 2),
                (found.change, found.interval.low, found.interval.high))  # fmt: skip


def table(rows: list[Kept]) -> Grid:
    """A row a network; the bar is the least share that a recommendation is to keep."""
    cells = []
    for row in rows:
        kept, low, high = row.kept
        cells.append((
            row.network, row.configuration, str(row.puzzles), percent(row.float_right / row.puzzles),
            percent(row.naive_right / row.puzzles), percent(row.once / row.puzzles),
            percent(row.right / row.puzzles), f"{row.mean_steps:.1f}",
            percent(row.naive_right / row.float_right), percent(kept), f"{100 * low:.1f}-{100 * high:.1f}",
            "yes" if kept >= BAR else "NO",
        ))  # fmt: skip
    headings = ("network", "recommended", "puzzles", "float %", "naive INT4 %", "first try %",
                "exact %", "mean steps",
                "naive keeps %", "keeps %", "95 %", f">= {100 * BAR:.0f} %")  # fmt: skip
    note = (f"naive: {NAIVE} at full length. recommended: of {len(FEW) - 1} formats of 4 bits the most exact "
            "on calibration puzzles; exact: over all tries. keeps: held-out puzzles solved over those that "
            "float solves; its interval is the paired one of the difference to float.")
    return Grid("what 4 bits or fewer keep of float's accuracy", headings, tuple(cells), note, left=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--puzzles", type=number, default=256, help="held-out ones (default 256)")
    parser.add_argument("--workers", type=number, default=1, help="processes (default 1)")
    parser.add_argument("--store", type=Path, default=Path("narrow-store.jsonl"))
    parser.add_argument("--results", type=Path, default=Path("results/narrow.jsonl"))
    parser.add_argument("--out", type=Path, help="the table as Markdown")
    args = parser.parse_args()
    lines = read_lines(args.results, "results") if args.results.exists() else ()
    rows = {row.network: row for row in (build(line, Kept) for line in lines)}
    with local(args.workers) as executor:  # one BLAS thread each
        for name in (name for name in args.networks if name not in rows):
            row = rows[name] = measured(name, args.puzzles, Store(args.store), executor)
            append_line(args.results, vars(row))
            print(f"{name}: {row.right} of {row.puzzles}, float {row.float_right}, {row.configuration}")
    grid = table(sorted(rows.values(), key=lambda row: row.network))
    if args.out is not None:
        write_file(args.out, markdown(grid) + "\n")
    print(markdown(grid))


if __name__ == "__main__":
    main()
