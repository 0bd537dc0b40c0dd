"""The settings of a model as its training left them: files, data set, what tensors show, what a user adds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refimpl.errors import InputError, unknown_name
from refimpl.models.config_rules import CHOICES, REAL, WHOLE
from workbench.checkpoints.expected import PUZZLE_ROWS
from workbench.files.inputs import parse_json, read_text
from workbench.model_config import flattened, missing_fields

MAX_BYTES = 4_000_000  # of a settings file; the largest seen has 20 kB
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?")
_DATASET_KEYS = ("seq_len", "vocab_size", "num_puzzle_identifiers")
_TASKS = ("sudoku", "maze", "arc")
_SETTABLE = (*WHOLE, *REAL, *CHOICES, "mlp_t", "task", "expansion", "puzzle_emb_ndim")
Shape = tuple[int, ...]


def read_settings(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON or YAML file; YAML is read by PyYAML's safe loader (extra ``yaml``).

    Python objects that a training script dumped become their plain content; nothing is constructed.
    """
    text = read_text(path, "the settings", MAX_BYTES)
    json_text = path.suffix == ".json" or text.lstrip()[:1] == "{"
    content = parse_json(text, f"the settings {path}") if json_text else _yaml(text, path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"the settings {path} must be a mapping of names to values.")
    return {key: _resolved(value, content, content) for key, value in content.items()}


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise InputError(f"{path} is YAML, which needs the extra yaml: pip install "
                         "'recursive-reasoner-mcu[yaml]'.") from error

    class Loader(yaml.SafeLoader):
        """Safe, and plain about tags of Python objects: their content is all that is wanted."""

    def plain(loader: Loader, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", plain)
    if text.count("*") > 1000:
        raise InputError(f"the settings {path} have over 1,000 aliases; no file of settings has.")
    try:
        return yaml.load(text, Loader)  # a subclass of the safe loader that constructs less, not more
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:160]
        raise InputError(f"the settings {path} are not valid YAML ({said}).") from error


def _resolved(
    value: Any, root: Mapping[str, Any], within: Mapping[str, Any], depth: int = 0
) -> Any:
    """Resolve ``${.name}`` and ``${group.name}`` as hydra does; read numbers that YAML 1.1 takes for text."""
    if depth > 50:
        raise InputError("the settings refer to themselves or are nested deeper than 50 levels.")
    if isinstance(value, dict):
        return {key: _resolved(child, root, value, depth + 1) for key, child in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith("${") and value.endswith("}"):
        name = value[2:-1]
        found: Any = within if name.startswith(".") else root
        for part in name.lstrip(".").split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return value if found is None else _resolved(found, root, within, depth + 1)
    if "e" in value.lower() and _NUMBER.fullmatch(value):
        return float(value)  # 1e-5 without a dot is text to YAML 1.1
    return value


def dataset_settings(path: Path) -> dict[str, Any]:
    """Return what a data set's ``dataset.json`` says of a model: positions, vocabulary, puzzle rows."""
    found = read_settings(path)
    return {key: found[key] for key in _DATASET_KEYS if key in found}


def guessed_task(settings: Mapping[str, Any]) -> str | None:
    """Return the task that the paths and names of a run speak of, if they speak of one."""
    words = json.dumps([settings.get(key) for key in ("data_paths", "data_path", "project_name", "run_name")],
                       default=str).lower()  # fmt: skip
    named = [task for task in _TASKS if re.search(rf"(?<![a-z]){task}(?![a-z])", words)]
    return named[0] if len(named) == 1 else None


def parse_overrides(words: list[str]) -> dict[str, Any]:
    """``["num_heads=8", "pos_encodings=none"]`` -> values by name, numbers and truth values as such."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"--set {word!r} is no NAME=VALUE, as in --set num_heads=8.")
        if name not in _SETTABLE:
            raise unknown_name("setting", name, _SETTABLE)
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d{1,18}", text) else float(text)
    return text


def shown_by(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the settings that canonical tensors of known shapes leave no doubt about."""
    vector = shapes.get("inner.H_init", shapes.get("inner.L_init", ()))
    hidden = max(vector) if vector else None
    embedding = shapes.get("inner.embed_tokens.embedding_weight", ())
    if hidden is None and len(embedding) == 2:
        hidden = embedding[1]
    two_stacks = any(key.startswith("inner.H_level") for key in shapes)
    found: dict[str, Any] = {"model": "hrm" if two_stacks else "trm"}
    if hidden is not None:
        found["hidden_size"] = hidden
    if len(embedding) == 2:
        found["vocab_size"] = embedding[0]
    for level in "LH":
        layers = {key.split(".")[3] for key in shapes if key.startswith(f"inner.{level}_level.layers.")}
        if layers:
            found[f"{level}_layers"] = len(layers)
    first = "inner.L_level.layers.0"
    if f"{first}.mlp.gate_up_proj.weight" in shapes and hidden is not None:
        found["channel_intermediate_size"] = _inner(shapes[f"{first}.mlp.gate_up_proj.weight"], hidden)
    mixer = shapes.get(f"{first}.mlp_t.gate_up_proj.weight")
    found["mlp_t"] = mixer is not None
    if mixer is not None and len(mixer) == 2:
        found["token_intermediate_size"], found["positions"] = mixer[0] // 2, mixer[1]
        found["num_heads"] = 1  # an MLP mixer has none; any divisor will do
    learned = shapes.get("inner.embed_pos.embedding_weight", ())
    if len(learned) == 2:
        found |= {"pos_encodings": "learned", "positions": learned[0]}
    rows = shapes.get(PUZZLE_ROWS, ())
    if len(rows) == 2:
        found["num_puzzle_identifiers"] = rows[0]
    else:
        found["puzzle_emb_len"] = 0
    return found


def _inner(shape: Shape, hidden: int) -> int:
    rows, columns = shape if len(shape) == 2 else (0, 0)
    return (rows if columns == hidden else columns) // 2


def completed(settings: Mapping[str, Any], shapes: Mapping[str, Shape]) -> tuple[dict[str, Any], list[str]]:
    """Add what tensors show to what the files say; return both, and the names that came from shapes.

    Sizes that files state stay: a contradiction is for the check of shapes to name.
    """
    found, shown = flattened(settings), shown_by(shapes)
    if any(key in found for key in ("model", "family", "name")):
        shown.pop("model")
    if "expansion" in found:  # then the widths follow from the settings, and shapes have to agree
        shown.pop("channel_intermediate_size", None)
        shown.pop("token_intermediate_size", None)
    positions = shown.pop("positions", None)
    taken = [key for key in shown if key not in found]
    found = {**{key: shown[key] for key in taken}, **found}
    if positions is not None:
        prefix = found.get("puzzle_emb_len")
        if "seq_len" in found and prefix is None:
            found["puzzle_emb_len"] = positions - found["seq_len"]
            taken.append("puzzle_emb_len")
        elif "seq_len" not in found and prefix is not None:
            found["seq_len"] = positions - prefix
            taken.append("seq_len")
    if PUZZLE_ROWS in shapes:
        found["num_puzzle_identifiers"] = shapes[PUZZLE_ROWS][0]
    return found, taken


def wanted(settings: Mapping[str, Any], shapes: Mapping[str, Shape], described: bool) -> list[str]:
    """Return the names of settings that neither files nor tensors give.

    ``described``: some file states the model, so that defaults of the official classes hold.
    """
    names = missing_fields(settings)
    prefix = settings.get("puzzle_emb_len") is not None or bool(settings.get("puzzle_emb_ndim"))
    if PUZZLE_ROWS in shapes and not prefix:
        names.append("puzzle_emb_len")
    if not described and settings.get("mlp_t") is not True and "pos_encodings" not in settings:
        names.append("pos_encodings")
    return names
