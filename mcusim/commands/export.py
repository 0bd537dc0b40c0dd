"""``mcusim export OUT``: a deployment as a folder of C that builds without this project."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcusim.asked import Asked, add_deployment, asked, words_of
from mcusim.commands.run import puzzle_asked
from mcusim.export.bundle import Export, Facts, ImageForm, folder_files
from mcusim.export.expected import expected_of
from mcusim.export.folder import check_free, write_folder
from mcusim.export.layout import banks_of
from mcusim.export.retry import retry_sources
from mcusim.images import together
from mcusim.laid import Laid, lay
from mcusim.planner.notation import describe
from mcusim.planner.target import Segment
from mcusim.planner.wanted import HELP
from mcusim.units import format_bytes
from refimpl import fast
from refimpl.errors import DoesNotFit, InputError, NotImplementedHere
from refimpl.model_image import from_image
from workbench.command_line import examples
from workbench.datasets.read import add_data
from workbench.fidelity import Reading
from workbench.networks import seeded_tokens

DEFAULT_PUZZLES = ("0", "1", "2")
FORMS: tuple[ImageForm, ...] = ("binary", "array")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    add_deployment(parser)
    parser.add_argument("--plan", help=HELP)
    parser.add_argument("--puzzle", action="append", help="a puzzle of the self-test, as for run; may be "
                        f"repeated (default: {', '.join(DEFAULT_PUZZLES)})")  # fmt: skip
    parser.add_argument("--image", choices=FORMS, default="binary", help="the image as a file that the "
                        "assembler includes, or as a C array")  # fmt: skip
    add_data(parser)
    examples(parser, "my-solver", "my-solver --part stm32h743 --model sudoku9-att --plan least --puzzle 7")


def _puzzles(laid: Laid, names: list[str] | None) -> list[tuple[npt.NDArray[np.integer], int]]:
    """(tokens, row) of each puzzle of the self-test; seeded tokens where nothing was trained."""
    if not laid.network.trained and laid.puzzles is None:
        if names:
            raise InputError(f"--puzzle: {laid.network.name} has seeded weights and answers no puzzle.")
        return [(seeded_tokens(laid.config), 0)]
    most = len(DEFAULT_PUZZLES) if laid.puzzles is None else len(laid.puzzles.inputs)
    found = [puzzle_asked(laid, name) for name in names or DEFAULT_PUZZLES[:most]]
    puzzles = [puzzle for puzzle in found if puzzle is not None]
    rows = sorted({puzzle.puzzle_id for puzzle in puzzles})
    if len(rows) > 1:
        raise InputError(f"the puzzles of the self-test have rows {rows} of the puzzle table, and an image "
                         "holds one: name puzzles of one row.")  # fmt: skip
    return [(puzzle.question, 0) for puzzle in puzzles]


def _segments(laid: Laid) -> tuple[Segment, ...]:
    """Where the plan's segments lie; an error names a plan that fits where this one does not."""
    if laid.refusal:
        raise NotImplementedHere(laid.refusal)
    segments = laid.plan.lay_out(laid.target) if laid.fits else None
    if segments is not None:
        return segments
    other = laid.found.chosen
    hint = "no plan does; `python -m mcusim run` says why"
    if other:
        hint = f"--plan '{describe(other.choices)}' does"
    raise DoesNotFit(
        f"plan {describe(laid.plan.choices)} ({format_bytes(laid.plan.high_water)} of arena) does not fit "
        f"{laid.part.name}; {hint}."
    )


def run(args: argparse.Namespace) -> int:
    first = (args.puzzle or DEFAULT_PUZZLES)[0]
    request = replace(asked(args), puzzle=first)
    name = export(args.out, request, args.puzzle, args.image)
    print(f"{args.out}: {name}.\nmake -C {args.out} selftest   builds it and compares every call.")
    return 0


def export(
    out: Path,
    request: Asked,
    names: list[str] | None = None,
    form: ImageForm = "binary",
) -> str:
    """Make the folder ``out`` of a request, with the puzzles of ``names`` in its self-test; what it is.

    With retries it has ``rr_solve_accepted`` as well.

    Raises DoesNotFit or InputError before anything is written.
    """
    check_free(out)
    laid = lay(request)
    if laid.size.resident:
        raise NotImplementedHere(
            f"{laid.deployment.name} keeps a puzzle table of {laid.size.resident:,} bytes; an exported "
            "image holds the one row that a run reads: choose puzzle_rows = 'streamed'."
        )
    puzzles, segments = _puzzles(laid, names), _segments(laid)
    depth, stop = (laid.config.H_cycles, laid.config.halt_max_steps), laid.config.stop
    model, *finish = map(from_image, laid.images)
    program = Reading(fast, model.with_depth(*depth).with_stop(stop), *finish)
    banks = banks_of(segments, laid.target)
    texts = {"MODEL": laid.network.name, "FORMAT": laid.formats,
             "COMMAND": words_of(replace(request, plan=describe(laid.plan.choices)))}  # fmt: skip
    facts = Facts(laid.name, laid.plan, together(laid.images), banks)
    made = Export(facts, laid.target, expected_of(program, puzzles), form, texts)
    warranted = retry_sources(laid.config, len(laid.again)) if laid.again else {}
    write_folder(out, folder_files(made, {**laid.program, **warranted}))
    return laid.name
