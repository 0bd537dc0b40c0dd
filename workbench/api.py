"""The Python door to everything the commands do: load, calibrate, quantize, evaluate.

``mcusim.api`` adds the simulated chip.  Each function takes and returns values; nothing is written unless a
path is named.  docs/api.md shows them at work, and a test runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from refimpl.errors import InputError
from refimpl.formats import Format, as_format
from refimpl.models.config import ModelConfig
from workbench.calibrations import write_calibration
from workbench.checkpoints.importing import Import, read_run, write_network
from workbench.checkpoints.networks import list_networks
from workbench.datasets.read import Split, read_data
from workbench.evaluate import Accuracy, Tally, measure, program
from workbench.lab.second_order import CLIP_PUZZLES, clipped_activations
from workbench.limits import beyond
from workbench.networks import Network, find_network
from workbench.sites import calibrate as absmax_of
from workbench.tasks.sets import CALIBRATION_PUZZLES, PuzzleSet, calibration_set, evaluation_set
from workbench.tasks.task import TASKS, Task

__all__ = [
    "TASKS", "Accuracy", "Import", "ModelConfig", "Network", "PuzzleSet", "Task", "calibrate",
    "calibration_puzzles", "evaluate",
    "list_networks", "load", "puzzles_of", "quantize", "read_run", "save_calibration", "write_network",
]  # fmt: skip


def load(name: str | Path) -> Network:
    """Return a network: one that ships, a folder or checkpoint file, or a preset with seeded weights."""
    return find_network(str(name))


def puzzles_of(
    network: Network,
    source: str | Path | PuzzleSet | None = None,
    count: int | None = None,
    split: Split = "test",
    tasks: Mapping[str, Task] = TASKS,
) -> PuzzleSet:
    """Return puzzles for a network: of a file or folder, or, without one, generated for its task.

    ``tasks`` may hold entries of the caller's own, by the name in the network's ``task``; see
    :class:`workbench.tasks.task.Task`.
    """
    if isinstance(source, PuzzleSet):
        return source if count is None else source.rows(0, count, f"first {count} of {source.origin}")
    if source is None:
        return calibration_set(network.config) if split == "train" else evaluation_set(network.config, count)
    return read_data(source, network.config, count, split, tasks)


def calibration_puzzles(
    network: Network, puzzles: str | Path | PuzzleSet | None = None, count: int | None = None
) -> PuzzleSet:
    """Return the puzzles that a calibration takes: ``count`` or 64 of those named, or the task's own set.

    Raises
    ------
    InputError
        For seeded weights, and for a count of the task's own set, which is one.
    """
    if not network.trained:
        raise InputError(f"{network.name} has seeded weights; only trained networks store a calibration.")
    if puzzles is None and count is not None:
        raise InputError("--puzzles counts those of --data FILE; the project's own calibration set is one.")
    found = puzzles_of(network, puzzles, count, "train")
    if count is not None or puzzles is None:
        return found
    taken = min(len(found.inputs), CALIBRATION_PUZZLES)
    return found.rows(0, taken, f"{found.origin.partition(', all ')[0]}, first {taken} puzzles")


def calibrate(
    network: Network,
    puzzles: str | Path | PuzzleSet | None = None,
    count: int | None = None,
    absmax: bool = False,
) -> Network:
    """Return the network with activation ranges taken from its float run over ``puzzles``.

    Parameters
    ----------
    puzzles : where they come from (default: generated for the task); the first 64 of a file.
    count : how many instead.
    absmax : whole ranges, as the published +a8, in place of ranges cut to the least squared error.
    """
    found = calibration_puzzles(network, puzzles, count)
    calibration = absmax_of(network.float_model, found.inputs, found.puzzle_ids, found.origin)
    if not absmax:
        few = found.rows(0, CLIP_PUZZLES, found.origin)
        calibration = clipped_activations(network.float_model, few.inputs, calibration, few.puzzle_ids)
    return network.with_calibration(calibration)


def save_calibration(network: Network, path: Path | None = None) -> Path:
    """Write the ranges beside the weights (or to ``path``), bound to these weights; return where."""
    target = path or network.calibration_path
    if target is None:
        raise InputError(f"the network {network.name!r} lies in no folder; name the file to write.")
    write_calibration(network.calibration, target, network.digest)
    return target


def quantize(network: Network, format: Format | str = "w4c", stop: str = "fixed") -> bytes:
    """Return the flash image of a network in a format, such as ``w4g32-a8d-c8``.

    ``stop`` is the rule it carries, such as ``head+settled,t=90``; without t the calibrated one is taken.

    Raises
    ------
    InputError
        If the network is uncalibrated, or too large for any integer program, or the rule has a second one.
    """
    too_large = beyond(network.config, "integer")
    if too_large:
        raise InputError(f"{network.name}: {'; '.join(too_large)}.")
    return network.image(format, network.stop_rule(stop, str(as_format(format))))


def evaluate(
    network: Network,
    puzzles: str | Path | PuzzleSet | None = None,
    format: Format | str = "w8c",
    count: int | None = None,
    threads: int = 2,
    on_batch: Callable[[int, Tally], None] | None = None,
) -> Accuracy:
    """Return the accuracy of a network: exact, cell and by position, with a 95 % interval.

    ``format`` is ``float``, ``bf16`` or a number format; integer programs are integer-exact.

    Raises
    ------
    InputError
        Where accuracy means nothing: seeded weights, or puzzles without labels.
    """
    if not network.trained:
        raise InputError(f"{network.name}: accuracy n/a (untrained weights).")
    found = puzzles_of(network, puzzles, count)
    if not found.labelled:
        raise InputError(f"{found.origin}: accuracy n/a (no labels in it).")
    return measure(program(network, format), found, threads, on_batch=on_batch)
