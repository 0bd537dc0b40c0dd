"""A deployment: which model, in which formats and at which depth, on which part, and what to expect.

``expect`` holds the answer the file's author predicts for each budget in both readings: ``weights_only``
(parameters x bits, the published notion) and ``everything`` (image, arena and program).
``mcusim check`` compares them with what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from mcusim.catalogue import entries, entry
from mcusim.planner.wanted import CHOSEN
from mcusim.toml_checks import Table, read_table
from mcusim.units import parse_bytes
from refimpl.errors import RefimplError, unknown_name
from refimpl.formats import FLOAT32, Format, parse_activations, parse_carry, parse_format
from refimpl.models.halting import FIXED
from workbench.checkpoints import list_networks
from workbench.files.inputs import exists
from workbench.presets import list_presets
from workbench.stop_text import parse_stop

# Puzzle rows: read one by one from external memory, or held in the image, as float32 or int8.
PuzzleRows = Literal["streamed", "resident-fp32", "resident-int8"]
PUZZLE_ROWS: tuple[PuzzleRows, ...] = get_args(PuzzleRows)
BUDGETS = ("4MB", "8MB")
DEFAULT_DEPLOYMENT = "sudoku9-pair-mlp-int4"


@dataclass(frozen=True)
class Expectation:
    """Does it fit, in each reading."""

    weights_only: bool
    everything: bool


@dataclass(frozen=True)
class Deployment:
    """``format`` is integer or FLOAT32; ``H_cycles`` and ``steps`` are the recursion depth, ``stop`` the rule
    that may end a run earlier (without t: the calibrated one), ``retries`` how often a refused puzzle is
    tried again, ``plan`` a plan's name or notation; ``expect`` maps a budget in bytes to its expectation."""

    name: str
    title: str
    model: str
    format: Format
    puzzle_rows: PuzzleRows
    H_cycles: int
    steps: int
    stop: str
    retries: int
    plan: str
    part: str
    source: str
    expect: Mapping[int, Expectation]
    path: Path


def deployment_names(data: Path | None = None) -> list[str]:
    """Return the names of all deployments, a user's included."""
    return list(entries("deployment", data))


def load_deployment(name: str, data: Path | None = None) -> Deployment:
    """Read the deployment called ``name``, or the one in a file (``.toml``) of that name, whose model may be
    named from its folder.

    Raises
    ------
    InputError
        For an unknown name, or a wrong key or value in its file, with the line.
    """
    file = Path(name) if name.endswith(".toml") and exists(Path(name)) else None
    table = entry("deployment", name, data) if file is None else read_table(file)
    table.choice("kind", ("deployment",))
    model = table.text("model")
    if file is not None and model not in (*list_presets(), *list_networks()):
        model = str(file.parent / model)
    if model not in (*list_presets(), *list_networks()) and not exists(Path(model)):
        raise table.error(str(unknown_name("model", model, [*list_presets(), *list_networks()])), "model")
    part = table.text("part")
    if part not in (parts := entries("part", data)):
        raise table.error(str(unknown_name("part", part, parts)), "part")
    deployment = Deployment(
        name=name,
        title=table.text("title"),
        model=model,
        format=_format(table),
        puzzle_rows=table.choice("puzzle_rows", PUZZLE_ROWS),
        H_cycles=table.whole("H_cycles", 1),
        steps=table.whole("steps", 1),
        stop=_stop(table),
        retries=table.whole("retries", 0) if table.has("retries") else 0,
        plan=table.text("plan") if table.has("plan") else CHOSEN,
        part=part,
        source=table.text("source"),
        expect=_expectations(table.table("expect")),
        path=table.path,
    )
    table.finish()
    return deployment


def _format(table: Table) -> Format:
    """Key ``format``; or ``weights`` with ``activations`` and ``carry``, as older files say it."""
    key = "format" if table.has("format") or not table.has("weights") else "weights"
    try:
        found = parse_format(table.text(key))
        if table.has("activations"):
            key, activations = "activations", parse_activations(table.text("activations"))
            found = replace(found, activations=activations)
        if table.has("carry") and found != FLOAT32:
            key, found = "carry", replace(found, carry=parse_carry(table.text("carry")))
        if found != FLOAT32:  # whose bytes alone are a line of the budgets
            found.require_integer()
    except RefimplError as error:
        raise table.error(str(error), key) from error
    return found


def _stop(table: Table) -> str:
    if not table.has("stop"):
        return str(FIXED)
    text = table.text("stop")
    try:
        parse_stop(text)
    except RefimplError as error:
        raise table.error(str(error), "stop") from error
    return text


def _expectations(table: Table) -> dict[int, Expectation]:
    found = {}
    for budget in BUDGETS:
        row = table.table(budget)
        found[parse_bytes(budget)] = Expectation(
            row.get("weights_only", bool, "true (fits) or false"),
            row.get("everything", bool, "true (fits) or false"),
        )
        row.finish()
    table.finish()
    return found
