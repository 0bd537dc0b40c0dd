"""A training folder or checkpoint of other code becomes a network of ours; all that was done is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints.elements import Array
from workbench.checkpoints.expected import describe, expected_tensors, validate
from workbench.checkpoints.mapping import State, choose, gather, left_over, survey
from workbench.checkpoints.networks import WEIGHTS, list_networks, write_card
from workbench.checkpoints.npz import write_npz
from workbench.checkpoints.reader import Checkpoint, open_checkpoint
from workbench.checkpoints.run_folder import find_dataset, find_run
from workbench.checkpoints.settings import completed, dataset_settings, guessed_task, read_settings, wanted
from workbench.files.outputs import make_folder
from workbench.limits import remarks as limit_remarks
from workbench.model_config import flattened, model_config
from workbench.presets import PRESETS

_EXAMPLES = {"pos_encodings": "rope"}


@dataclass(frozen=True)
class Import:
    """A network read from elsewhere and not yet written: tensors as saved, and what a user should know.

    ``renamed`` maps saved names to canonical ones where they differ; ``remarks`` are sentences without
    their full stop; ``unverified`` names settings that no shape can confirm.
    """

    source: Path
    config: ModelConfig
    tensors: Mapping[str, Array]
    renamed: Mapping[str, str]
    remarks: tuple[str, ...]
    unverified: tuple[str, ...]


def read_run(
    source: Path,
    settings: Path | None = None,
    dataset: Path | None = None,
    state: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Import:
    """Read a run; nothing is written.

    Parameters
    ----------
    source : a checkpoint file, or a folder with one.
    settings : JSON or YAML of the model (default: what lies beside the checkpoint).
    dataset : folder with the ``dataset.json`` the run was trained on (default: found from the run).
    state : which set of weights, where there are several.
    overrides : settings that stand above all files.

    Raises
    ------
    InputError
        With the flag that would help, where something is missing, ambiguous or contradictory.
    """
    run = find_run(source, settings)
    checkpoint = open_checkpoint(run.checkpoint)
    found = survey(checkpoint)
    chosen = choose(found, state, checkpoint)
    shapes = _canonical_shapes(chosen, checkpoint)
    stated, remarks = _stated(run.settings, checkpoint, source, dataset)
    given = {**flattened(stated), **(overrides or {})}
    merged, shown = completed(given, shapes)
    _require(wanted(merged, shapes, bool(stated)), run.checkpoint)
    config = model_config(merged)
    tensors, changes = gather(chosen, checkpoint, config)
    dropped = left_over(chosen, found, checkpoint)
    extra = sorted(set(tensors) - set(expected_tensors(config)))
    try:
        validate(tensors, config)
    except InputError as error:
        raise InputError(f"{run.checkpoint}: {str(error).removesuffix('.')}"
                         f"{_doubt(extra, run.settings)}.") from error
    remarks = [*run.remarks, *remarks, *changes, *_asides(checkpoint, chosen, found.derived, dropped)]
    if shown and run.settings is None:
        remarks.append(f"from the shapes: {', '.join(f'{key} {merged[key]}' for key in shown)}")
    names = {name: key for key, names in chosen.sources.items() for name in names if name != key}
    return Import(run.checkpoint, config, tensors, names, tuple(remarks), _unverified(config, merged))


def write_network(found: Import, target: Path, dtype: str = "float32") -> None:
    """Write ``weights.npz`` and ``config.json`` into the folder ``target``; a calibration there goes.

    Raises
    ------
    InputError
        If ``target`` is the name of a network that ships, or cannot be written.
    """
    if str(target) in (*list_networks(), *PRESETS):
        raise InputError(f"{target} is the name of a network that ships, which would be found in its "
                         "place; take "
                         "another, or a path such as ./" + f"{target}.")
    make_folder(target)
    write_npz(target / WEIGHTS, found.tensors, dtype)
    fields = dict(found.config.to_dict())
    write_card(target, {"model": fields.pop("family"), **fields, "source": f"imported from {found.source}"})


def _canonical_shapes(state: State, checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    """Shapes after joining; of linears saved (in, out) they are those of the file."""
    shapes = {}
    for key, names in state.sources.items():
        first = checkpoint.shapes[names[0]]
        shapes[key] = (sum(checkpoint.shapes[name][0] for name in names), *first[1:]) if first else first
    return shapes


def _stated(
    path: Path | None, checkpoint: Checkpoint, source: Path, dataset: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """What files say of the model, and remarks on where it came from."""
    remarks = []
    settings = {} if path is None else read_settings(path)
    recipe = checkpoint.texts.get("recipe")
    if path is None and recipe is not None:  # a state of this project's own training
        settings = _recipe_model(recipe, checkpoint.where)
        remarks.append("settings from the recipe in the checkpoint")
    described = find_dataset(source, settings, dataset)
    data = {} if described is None else dataset_settings(described)
    if described is not None:
        remarks.append(f"{', '.join(f'{key} {value}' for key, value in data.items())} from {described}")
    task = guessed_task(settings)
    if "task" not in settings and task is not None:
        data["task"] = task
        remarks.append(f"task {task}, of which the run's names speak; --set task=NAME changes it")
    if path is not None:
        remarks.append(f"settings from {path}")
    return {**settings, **data}, remarks


def _recipe_model(recipe: str, where: Path) -> dict[str, Any]:
    try:
        model = json.loads(recipe)["model"]
        return {"model": model.pop("family"), **model}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{where}: the recipe in it is damaged ({error!r}).") from error


def _require(lacking: list[str], where: Path) -> None:
    if lacking:
        flags = " ".join(f"--set {name}={_EXAMPLES.get(name, 'N')}" for name in lacking)
        raise InputError(f"neither files nor tensors of {where} say {', '.join(lacking)}; name the "
                         "settings of the "
                         f"training with --config FILE, its data set with --data FOLDER, or add {flags}.")


def _doubt(extra: list[str], settings: Path | None) -> str:
    beside = f" (settings: {settings})" if settings is not None else ""
    return f"; {len(extra)} tensors have no place" * bool(extra) + beside


def _asides(checkpoint: Checkpoint, state: State, derived: list[str], dropped: list[str]) -> list[str]:
    said = []
    if state.borrowed:
        said.append(f"{', '.join(state.borrowed)} are not in {state.label}; they were taken from the other "
                    "weights")
    if derived:
        said.append(f"dropped {len(derived)} derived buffers ({_few(derived)})")
    if dropped:
        said.append(f"dropped {len(dropped)} tensors that change nothing ({_few(dropped)})")
    if checkpoint.placeholders:
        said.append("names in the pickle that were neither imported nor called: "
                    f"{_few(list(checkpoint.placeholders))}")
    return said


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _unverified(config: ModelConfig, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Settings that other values would fit as well: no shape depends on them."""
    names = [f"H_cycles {config.H_cycles}", f"L_cycles {config.L_cycles}",
             f"halt_max_steps {config.halt_max_steps}"]  # fmt: skip
    if not config.mlp_t:
        names.insert(0, f"num_heads {config.num_heads}")
        if config.pos_encodings != "learned":
            names.append(f"pos_encodings {config.pos_encodings}")
            names.append(f"puzzle_emb_len {config.puzzle_emb_len}")
    return tuple(names)


def summary(found: Import) -> list[str]:
    """Return the lines that tell a user what an import found and did."""
    values = sum(array.size for array in found.tensors.values())
    lines = [f"{found.source}: {describe(found.config)}; {len(found.tensors)} tensors, {values:,} values."]
    lines += [f"  {saved} -> {key}" for saved, key in found.renamed.items()]
    lines += [f"- {remark}." for remark in found.remarks]
    lines += [f"- {sentence}" for sentence in limit_remarks(found.config)]
    return lines
