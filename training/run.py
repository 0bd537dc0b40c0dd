"""One resumable run: progress, curve, checkpoints, and several processes under torchrun."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from pathlib import Path
from types import FrameType

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from refimpl.checkpoints import read
from refimpl.errors import InputError
from training.config import Recipe
from training.data import open_source
from training.loop import Trainer


def save(trainer: Trainer, path: Path, minutes: float) -> None:
    """Write the whole state beside its final name, then rename: a kill leaves the old or the new one."""
    temporary = path.with_suffix(".partial")
    torch.save(
        {**trainer.state_dict(), "minutes": minutes, "recipe": json.dumps(trainer.recipe.to_dict())},
        temporary,
    )
    temporary.replace(path)


def load(trainer: Trainer, path: Path) -> float:
    """Restore the state and return the minutes it had cost."""
    state = torch.load(path, map_location=trainer.recipe.run.device, weights_only=False)
    if json.loads(state["recipe"])["model"] != json.loads(json.dumps(trainer.recipe.to_dict()))["model"]:
        raise InputError(f"{path} belongs to another model; give the run another folder.")
    trainer.load_state_dict(state)
    return float(state["minutes"])


class Curve:
    """A CSV of the run: one row per evaluation, cut back to the restored step on resuming."""

    def __init__(self, path: Path, columns: list[str], completed: int) -> None:
        self.path, self.columns = path, columns
        kept = []
        if path.exists():
            with path.open() as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= completed]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, row: dict[str, float]) -> None:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)


def train(recipe: Recipe, folder: Path, stop_at: int | None = None) -> Trainer:
    """Run ``recipe`` to its end (or to step ``stop_at``) in ``folder``, from where it was left.

    A first SIGINT or SIGTERM ends the current step, saves and returns.
    """
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    torch.set_num_threads(recipe.run.threads)
    if ranks > 1:
        torch.distributed.init_process_group("nccl" if recipe.run.device == "cuda" else "gloo")
        if recipe.run.device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    folder.mkdir(parents=True, exist_ok=True)
    source = open_source(recipe.data)
    trainer = Trainer(recipe, source, rank, ranks)
    if recipe.start:
        trainer.start_from(read(Path(recipe.start)))
    state = folder / f"state-{rank}.pt"
    minutes = load(trainer, state) if state.exists() else 0.0
    columns = ["step", "minutes", "loss"]
    for name in source.held_out:
        columns += [f"{name} exact", f"{name} cell"]
    curve = Curve(folder / "curve.csv", columns, trainer.completed) if rank == 0 else None

    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    end = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    began, saved = time.monotonic(), time.monotonic()
    columns_shown = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    try:
        with Progress(*columns_shown, console=Console(stderr=True), disable=rank > 0) as progress:
            bar = progress.add_task(recipe.name, total=end, completed=trainer.completed, note="")
            while trainer.completed < end and not stopping:
                trainer.step()
                spent = minutes + (time.monotonic() - began) / 60
                finished = trainer.completed == recipe.steps
                if curve and (trainer.completed % recipe.run.evaluate_every == 0 or finished):
                    row = {
                        "step": trainer.completed,
                        "minutes": round(spent, 2),
                        "loss": round(sum(trainer.losses_seen) / len(trainer.losses_seen), 6),
                    }
                    for name, tokens in source.held_out.items():
                        exact, cell = trainer.evaluate(tokens)
                        row |= {f"{name} exact": round(exact, 4), f"{name} cell": round(cell, 4)}
                    curve.add(row)
                    trainer.losses_seen.clear()
                    note = "  ".join(
                        f"{k} {row[k + ' exact']:.3f}/{row[k + ' cell']:.3f}" for k in source.held_out
                    )
                    print(
                        f"{recipe.name} {row['step']} {row['minutes']} min loss {row['loss']} {note}",
                        flush=True,
                    )
                    progress.update(bar, note=note)
                progress.update(bar, completed=trainer.completed)
                if time.monotonic() - saved > 60 * recipe.run.checkpoint_minutes:
                    save(trainer, state, spent)
                    saved = time.monotonic()
        save(trainer, state, minutes + (time.monotonic() - began) / 60)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if ranks > 1:
            torch.distributed.destroy_process_group()
    return trainer
