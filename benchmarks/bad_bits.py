"""One flipped bit in a run: which sites and times matter, and whether a settling loop forgets it.

``python benchmarks/bad_bits.py --network sudoku9-mlp --format w4c --flips 2000 --lasting 200``

A transient flip hits one element of the carry before a call (z_H, z_L); one in the input sum x stays until
the end; a lasting one hits a weight code or a table entry and stays for the whole run, as in flash.
Puzzles, places and bits are seeded.
Forgotten: the final z_H is that of the undisturbed run, bit for bit.  Puzzles that the undisturbed run
solves are told from those that it does not.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from refimpl import fast
from refimpl.block_params import BlockLinear
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models.operators import Array
from refimpl.models.recursion import Carry, follow, read_logits, reset
from refimpl.models.tree import Leaf, Model, leaves, map_leaves
from refimpl.params import Linear, Silu
from workbench.command_line import number
from workbench.files.outputs import write_file
from workbench.networks import find_network
from workbench.tasks.sets import evaluation_set
from workbench.vectors.draws import Draws

PUZZLES, BATCH, TIMES = 8, 16, 6
OUTCOMES = ("forgotten", "same answer", "other answer")
Row = tuple[str, str, str]  # site, when, outcome


class Undisturbed:
    """The runs without a fault: carries before every call, final z_H and answers of PUZZLES puzzles."""

    def __init__(self, model: Model) -> None:
        config = model.config
        puzzles = evaluation_set(config, None)
        self.model, tokens = model, puzzles.inputs[:PUZZLES].astype(np.int32)
        self.x = fast.embed(tokens, np.zeros(PUZZLES, np.int64), model.embedding)
        self.calls = [c for step in range(config.halt_max_steps) for c in config.order.calls(1, step)]
        self.before = [reset(fast, model, PUZZLES)]
        for call in self.calls:
            self.before.append(follow(fast, model, self.before[-1], self.x, [call]))
        self.answers = self.answered(model, self.before[-1])
        self.solved = (self.answers == puzzles.labels[:PUZZLES]).all(axis=1)

    def answered(self, model: Model, carry: Carry) -> Array:
        answers: Array = fast.argmax(read_logits(fast, model, carry.z_H))
        return answers

    def judged(self, model: Model, end: Carry, puzzles: Array, site: str, when: str) -> Iterator[Row]:
        """The outcome of each run of a batch whose ``site`` was hit."""
        answers, right = self.answered(model, end), self.before[-1].z_H[puzzles]
        for z, answer, wanted, puzzle in zip(end.z_H, answers, right, puzzles, strict=True):
            same = np.array_equal(answer, self.answers[puzzle])
            outcome = OUTCOMES[0] if np.array_equal(z, wanted) else OUTCOMES[1] if same else OUTCOMES[2]
            yield f"{site}, {'solved' if self.solved[puzzle] else 'unsolved'}", when, outcome


def _flip(draws: Draws, array: Array, bits: int) -> None:
    """Flip one bit of one element, in place; ``bits`` is the width in which it lies in memory."""
    flat = array.flat  # also of a broadcast state, whose layout a reshape would copy
    at, bit = int(draws.integers(0, array.size - 1)), int(draws.integers(0, bits - 1))
    value = (int(flat[at]) & (1 << bits) - 1) ^ 1 << bit
    flat[at] = value - (1 << bits) if value >> bits - 1 else value


def transient(runs: Undisturbed, site: str, call: int, count: int, draws: Draws) -> Iterator[Row]:
    """``count`` flips of ``site`` before ``call``."""
    puzzles = draws.integers(0, PUZZLES - 1, count)
    z = {"z_H": runs.before[call].z_H[puzzles], "z_L": runs.before[call].z_L[puzzles], "x": runs.x[puzzles]}
    z = {name: np.array(array) for name, array in z.items()}
    for one in z[site]:
        _flip(draws, one, 16)
    end = follow(fast, runs.model, Carry(z["z_H"], z["z_L"]), z["x"], runs.calls[call:])
    yield from runs.judged(runs.model, end, puzzles, site, f"call {call} of {len(runs.calls)}")


def lasting(runs: Undisturbed, site: str, draws: Draws) -> Iterator[Row]:
    """One flip of a weight code or of a table entry, for one puzzle."""
    kinds: tuple[type, ...] = (Linear, BlockLinear) if site == "weights" else (Silu,)
    names, sizes = [], []
    for leaf in leaves(runs.model):
        if isinstance(leaf, Linear | BlockLinear | Silu) and isinstance(leaf, kinds):
            names.append(leaf.name)
            sizes.append(leaf.table.size if isinstance(leaf, Silu) else leaf.codes.size)
    place = int(draws.integers(0, sum(sizes) - 1))
    chosen = names[int(np.searchsorted(np.cumsum(sizes), place, "right"))]

    def hit(leaf: Leaf) -> Leaf:
        if not isinstance(leaf, Linear | BlockLinear | Silu) or leaf.name != chosen:
            return leaf
        if isinstance(leaf, Linear | BlockLinear):
            codes = np.array(leaf.codes)
            _flip(draws, codes, leaf.weight_bits)
            return replace(leaf, codes=codes)
        table = np.array(leaf.table)
        _flip(draws, table, 8)
        return replace(leaf, table=table)

    model, puzzles = map_leaves(hit, runs.model), draws.integers(0, PUZZLES - 1, 1)
    end = follow(fast, model, reset(fast, model, 1), runs.x[puzzles], runs.calls)
    yield from runs.judged(model, end, puzzles, site, "whole run")


def measure(
    runs: Undisturbed, flips: int, last: int, seed: str, found: Counter[Row], progress: Callable[[int], None]
) -> None:
    """Add ``flips`` outcomes: transient ones, in turn over sites and times, then ``last`` lasting ones."""
    draws = Draws(seed)
    times = [len(runs.calls) * i // TIMES for i in range(TIMES)] + [len(runs.calls) - 1]
    turns = [(site, call) for call in times for site in ("z_H", "z_L", "x")]
    number = 0
    while sum(found.values()) < flips - last:
        found.update(transient(runs, *turns[number % len(turns)], BATCH, draws))
        number += 1
        progress(sum(found.values()))
    while sum(found.values()) < flips:
        found.update(lasting(runs, ("weights", "tables")[number % 2], draws))
        number += 1
        progress(sum(found.values()))


def table(found: Counter[Row], about: str) -> str:
    """A Markdown table: a row a site and time."""
    lines = [
        about,
        "",
        f"| site | when | flips | {' | '.join(f'{o}, %' for o in OUTCOMES)} |",
        "|---" * 6 + "|",
    ]
    for site, when in sorted({row[:2] for row in found}):
        counts = [found[site, when, outcome] for outcome in OUTCOMES]
        shares = " | ".join(f"{100 * n / sum(counts):.1f}" for n in counts)
        lines.append(f"| {site} | {when} | {sum(counts):,} | {shares} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", default="sudoku9-mlp")
    parser.add_argument("--format", default="w4c")
    parser.add_argument("--flips", type=number, default=2000)
    parser.add_argument("--lasting", type=number, help="of these, in weights and tables (default a tenth)")
    parser.add_argument("--seed", default="bad bits 1")
    parser.add_argument("--out", type=Path, default=Path("bad_bits.md"))
    args = parser.parse_args()
    model = from_image(Image(find_network(args.network).image(args.format), args.network))
    runs, begun = Undisturbed(model), time.perf_counter()

    def progress(done: int) -> None:
        print(f"\r{done:,} flips", end="", flush=True)

    found = Counter[Row]()
    with suppress(KeyboardInterrupt):  # what is counted so far is written
        last = args.flips // 10 if args.lasting is None else args.lasting
        measure(runs, args.flips, last, args.seed, found, progress)
    about = (f"`{args.network}` `{args.format}`, {sum(found.values()):,} single-bit flips over "
             f"{PUZZLES} puzzles, {len(runs.calls)} calls each, seed `{args.seed}`.")  # fmt: skip
    write_file(args.out, table(found, about))
    print(f"\r{args.out}: {about} {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
