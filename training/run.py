"""One resumable run: progress, curve, checkpoints, and several processes under torchrun."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from refimpl.errors import InputError
from training.config import Recipe
from training.data import open_source
from training.loop import Trainer
from training.states import read_state
from workbench.checkpoints import read
from workbench.files.outputs import write_file


def save(trainer: Trainer, path: Path, minutes: float) -> None:
    """Write the whole state beside its final name, then rename: a kill leaves the old or the new one."""
    temporary = path.with_suffix(".partial")
    recipe = json.dumps(asdict(trainer.recipe))
    torch.save({**trainer.state_dict(), "minutes": minutes, "recipe": recipe}, temporary)
    temporary.replace(path)


def load(trainer: Trainer, path: Path) -> float:
    """Restore the state and return the minutes it had cost."""
    state = read_state(path, trainer.recipe.run.device)
    if replace(Recipe.from_dict(json.loads(state["recipe"])), run=trainer.recipe.run) != trainer.recipe:
        raise InputError(f"{path} belongs to another recipe ([run] alone may change); take another folder.")
    trainer.load_state_dict(state)
    return float(state["minutes"])


def look(trainer: Trainer, minutes: float, path: Path) -> None:
    """Add a row to the curve (mean loss since the last row, accuracy on the watched puzzles) and write it."""
    loss = sum(trainer.losses_seen) / len(trainer.losses_seen)
    row: dict[str, float] = {"step": trainer.completed, "minutes": round(minutes, 2), "loss": round(loss, 6)}
    for puzzles in trainer.source.held_out:
        exact, cell = trainer.evaluate(puzzles)
        row |= {f"{puzzles.name} exact": round(exact, 4), f"{puzzles.name} cell": round(cell, 4)}
    trainer.curve.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, row, lineterminator="\n")
    writer.writeheader()
    writer.writerows(trainer.curve)
    write_file(path, text.getvalue().encode())
    print(trainer.recipe.name, *(f"{key} {value} " for key, value in row.items()), flush=True)


def train(recipe: Recipe, folder: Path, stop_at: int | None = None) -> Trainer:
    """Run ``recipe`` to its end (or to step ``stop_at``) in ``folder``, from where it was left.

    A first SIGINT or SIGTERM ends the current step, saves and returns.
    """
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    torch.set_num_threads(recipe.run.threads)
    if ranks > 1:
        torch.distributed.init_process_group("nccl" if recipe.run.device == "cuda" else "gloo")
    if recipe.run.device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, open_source(recipe.data, recipe.model), rank, ranks)
    if recipe.start:
        trainer.start_from(read(Path(recipe.start)))
    state = folder / f"state-{rank}.pt"
    minutes = load(trainer, state) if state.exists() else 0.0
    signals: list[int] = []
    previous = {number: signal.signal(number, lambda caught, _frame: signals.append(caught))
                for number in (signal.SIGINT, signal.SIGTERM)}
    end = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    began = saved = time.monotonic()
    shown = TextColumn("{task.description} {task.completed}/{task.total}"), BarColumn(), TimeRemainingColumn()
    try:
        with Progress(*shown, console=Console(stderr=True), disable=rank > 0) as progress:
            bar = progress.add_task(recipe.name, total=end)
            flags = torch.zeros(2, device=recipe.run.device)  # asked to stop, checkpoint due: in any process
            while trainer.completed < end and not flags[0]:
                trainer.step()
                now = time.monotonic()
                flags[0], flags[1] = bool(signals), now - saved > 60 * recipe.run.checkpoint_minutes
                if ranks > 1:
                    torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
                due = trainer.completed % recipe.run.evaluate_every == 0 or trainer.completed == recipe.steps
                if rank == 0 and due:
                    look(trainer, minutes + (now - began) / 60, folder / "curve.csv")
                if due:
                    trainer.losses_seen.clear()
                progress.update(bar, completed=trainer.completed)
                if flags[1]:
                    save(trainer, state, minutes + (now - began) / 60)
                    saved = now
        save(trainer, state, minutes + (time.monotonic() - began) / 60)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if ranks > 1:
            torch.distributed.destroy_process_group()
    return trainer
