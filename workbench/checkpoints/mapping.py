"""From the tensors of a checkpoint to those of a configuration: prefixes, renamings, joins, solved from
names (:mod:`workbench.checkpoints.dialects`) and shapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints.dialects import COMPILED, is_derived, read_name
from workbench.checkpoints.elements import Array
from workbench.checkpoints.expected import PUZZLE_ROWS, expected_tensors
from workbench.checkpoints.reader import Checkpoint

_LISTED = 8
_INNER = "inner."
Shape = tuple[int, ...]
Prefix = tuple[str, ...]
Sources = dict[str, tuple[str, ...]]
Pieces = dict[str, dict[int, tuple[str, int]]]  # canonical name -> piece -> (saved name, of how many)


@dataclass(frozen=True)
class State:
    """One set of weights in a checkpoint: canonical name -> saved names, in the order they are joined.

    ``label`` tells it from the others of the file; ``borrowed`` are canonical names that come from
    another state because this one (a moving average of parameters alone) has them not.
    """

    label: str
    sources: Mapping[str, tuple[str, ...]]
    borrowed: tuple[str, ...] = ()


@dataclass
class Survey:
    """All states of a checkpoint by label, derived buffers to drop, and names of no known meaning."""

    states: dict[str, State] = field(default_factory=dict)
    derived: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def survey(checkpoint: Checkpoint) -> Survey:
    """Read every name of a checkpoint and sort the tensors into states."""
    found = Survey()
    fused = any(".w12." in name for name in checkpoint.shapes)  # then w3 is what comes after it
    by_prefix: defaultdict[Prefix, Pieces] = defaultdict(dict)
    for name in checkpoint.shapes:
        read = read_name(name.replace(".w3.", ".down_proj.") if fused else name)
        if is_derived(name):
            found.derived.append(name)
        elif read is None:
            found.unknown.append(name)
        else:
            pieces = by_prefix[read.prefix].setdefault(_INNER + read.key, {})
            if read.piece in pieces:
                raise InputError(f"{checkpoint.where}: {pieces[read.piece][0]} and {name} both mean "
                                 f"{_INNER}{read.key}.")
            pieces[read.piece] = (name, read.pieces)
    groups = {}
    for prefix, tensors in by_prefix.items():
        _swap_up_and_down(tensors, checkpoint.shapes)
        groups[prefix] = dict(_whole(tensors, checkpoint))
    for prefix, sources in _gathered(groups).items():
        label = ".".join(prefix)
        found.states[label] = State(label, sources)
    return found


def choose(found: Survey, label: str | None, checkpoint: Checkpoint) -> State:
    """Return the state that ``label`` (its name or the beginning of it) means, or the only one.

    Raises
    ------
    InputError
        If there is none, or several and ``label`` tells none of them from the others; it says which flags
        would.
    """
    where, states = checkpoint.where, found.states
    if not states:
        seen = found.unknown or list(checkpoint.shapes)
        raise InputError(f"{where} holds no tensor of a TRM or HRM by any name known here; it holds "
                         f"{_listing(seen)}.")
    if label is None:
        if len(states) == 1:
            return next(iter(states.values()))
        flags = " or ".join(f"--state {_flag(name, states)}" for name in states)
        raise InputError(f"{where} holds {len(states)} sets of weights (such as a model and its moving "
                         "average); "
                         f"say which: {flags}.")
    fitting = [name for name in states if f"{name}.".startswith(f"{label}.")]
    if len(fitting) != 1:
        flags = " or ".join(f"--state {_flag(name, states)}" for name in states)
        raise InputError(f"{where} holds no single set of weights under {label!r}; there is {flags}.")
    return _complete(states[fitting[0]], [state for name, state in states.items() if name != fitting[0]])


def gather(state: State, checkpoint: Checkpoint, config: ModelConfig) -> tuple[dict[str, Array], list[str]]:
    """Return the tensors of ``config`` and one remark for each change of form.

    Joins pieces along rows, takes axes of length 1 off, turns linears that were saved (in, out), pads
    puzzle rows that are narrower than the state with the zeros the model would.  Values are as saved.
    """
    loaded = checkpoint.load([name for names in state.sources.values() for name in names])
    expected, remarks = expected_tensors(config), []
    turned = _is_turned(state, expected, checkpoint.shapes)
    if turned:
        remarks.append("every linear was saved (in, out); they were turned")
    tensors: dict[str, Array] = {}
    for key, names in state.sources.items():
        parts = [loaded[name] for name in names]
        if turned and _is_linear(key):
            parts = [np.ascontiguousarray(part.T) for part in parts]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=0)
        shape: Shape = expected.get(key) or values.shape
        if values.shape != shape and _without_ones(values.shape) == _without_ones(shape):
            remarks.append(f"{key} was saved as {values.shape}; axes of length 1 were taken off")
            values = values.reshape(shape)
        if key == PUZZLE_ROWS and values.ndim == 2 and values.shape[1] < shape[1]:
            remarks.append(f"puzzle rows of {values.shape[1]} values were padded with zeros to {shape[1]}, "
                           "as "
                           "the model does")  # fmt: skip
            values = np.pad(values, ((0, 0), (0, shape[1] - values.shape[1])))
        tensors[key] = values
    return tensors, remarks


def left_over(state: State, found: Survey, checkpoint: Checkpoint) -> list[str]:
    """Return the unknown tensors of a state that do nothing: integers, biases of zeros, gains of ones.

    Raises
    ------
    InputError
        For one that does something: this model has no place for it.
    """
    prefix = f"{state.label}." if state.label else ""
    names = [name for name in found.unknown if name.replace(f"{COMPILED}.", "").startswith(prefix)]
    for name, values in checkpoint.load(names).items():
        ones = values.ndim == 1 and bool((values == 1).all())
        if values.dtype.kind == "f" and values.any() and not ones:
            raise InputError(f"{checkpoint.where}: tensor {name} of shape {values.shape} is no part of a "
                             "TRM or "
                             "HRM (their linears have no bias, their norms no gain), and it is neither all "
                             "zeros nor all ones.")
    return names


def _whole(tensors: Pieces, checkpoint: Checkpoint) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, pieces in tensors.items():
        wanted = max(count for _, count in pieces.values())
        if set(pieces) != set(range(wanted)) or len({count for _, count in pieces.values()}) != 1:
            names = ", ".join(name for name, _ in pieces.values())
            raise InputError(f"{checkpoint.where}: {key} is made of {wanted} parts; only {names} are there.")
        yield key, tuple(pieces[piece][0] for piece in range(wanted))


def _swap_up_and_down(tensors: Pieces, shapes: Mapping[str, Shape]) -> None:
    """The linears w1, w2, w3 are gate, down, up to some and gate, up, down to others: shapes tell."""
    for key, pieces in tensors.items():
        down = tensors.get(key.replace("gate_up_proj", "down_proj"), {}).get(0)
        if key.endswith("gate_up_proj.weight") and set(pieces) == {0, 1} and down is not None:
            gate, up = pieces[0][0], pieces[1][0]
            if shapes[down[0]] == shapes[gate] == shapes[up][::-1] != shapes[up]:
                pieces[1] = (down[0], 2)
                tensors[key.replace("gate_up_proj", "down_proj")][0] = (up, 1)


def _gathered(groups: Mapping[Prefix, Sources]) -> dict[Prefix, Sources]:
    """Join groups of one model: heads and tables may stand under another prefix than its layers."""
    stacks = {prefix: dict(group) for prefix, group in groups.items() if any("_level." in k for k in group)}
    for prefix, group in groups.items():
        if prefix in stacks:
            continue
        near = sorted(stacks, key=lambda other: -_common(prefix, other))
        for other in near:
            if not group.keys() & stacks[other].keys():
                stacks[other].update(group)
                break
    return _merged_levels(stacks)


def _merged_levels(stacks: dict[Prefix, Sources]) -> dict[Prefix, Sources]:
    """Two groups of layers without a common tensor are the L and the H stack of one model."""
    merged: dict[Prefix, Sources] = {}
    for prefix, group in stacks.items():
        host = next((other for other in merged if not merged[other].keys() & group.keys()), None)
        if host is None:
            merged[prefix] = group
        else:
            merged[host] = merged[host] | group
    return merged


def _complete(state: State, others: list[State]) -> State:
    """Take from another state what a moving average of parameters alone lacks (initial vectors, tables)."""
    for other in others:
        lacking = [key for key in other.sources if key not in state.sources]
        if lacking and set(state.sources) <= set(other.sources):
            return State(state.label, {**other.sources, **state.sources}, tuple(lacking))
    return state


def _flag(label: str, labels: Mapping[str, State]) -> str:
    """The shortest beginning of ``label`` that no other label has."""
    parts = label.split(".")
    for count in range(1, len(parts) + 1):
        short = ".".join(parts[:count])
        if sum(f"{other}.".startswith(f"{short}.") for other in labels) == 1:
            return short or "''"
    return label or "''"


def _common(first: Prefix, second: Prefix) -> int:
    return next((k for k, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
                min(len(first), len(second)))


def _without_ones(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)


def _is_linear(key: str) -> bool:
    return key.endswith(("_proj.weight", "_head.weight"))


def _is_turned(state: State, expected: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> bool:
    """Whether all linears (their pieces) that are not square fit turned."""
    pairs = []
    for key, names in state.sources.items():
        if _is_linear(key) and key in expected:
            rows, columns = expected[key]
            pairs += [(shapes[name], (rows // len(names), columns)) for name in names]
    uneven = [(found, wanted) for found, wanted in pairs if wanted[0] != wanted[1]]
    return bool(uneven) and all(found == wanted[::-1] for found, wanted in uneven)


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
