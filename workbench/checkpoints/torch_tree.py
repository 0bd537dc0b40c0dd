"""Every tensor of a saved object under its dotted path, however it is nested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.checkpoints.pickle_records import Placeholder
from workbench.checkpoints.torch_zip import TensorRecord

_DEEPEST, _MOST = 24, 1_000_000
# Attributes of a pickled module that hold its parts; they are no components of a parameter's name.
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")


def named_tensors(tree: Any, where: Path) -> dict[str, TensorRecord]:
    """Return dotted path -> record of every tensor in the tree, in its order.

    Keys of mappings, indices of lists and attributes of placeholders are the components; a module that
    was pickled whole yields the names its state_dict would have.

    Raises
    ------
    InputError
        If the tree is nested deeper than 24 levels or has over a million nodes.
    """
    found: dict[str, TensorRecord] = {}
    budget = _MOST
    pending: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    while pending:
        path, node = pending.pop()
        budget -= 1
        if budget < 0 or len(path) > _DEEPEST:
            raise InputError(f"{where}: what it holds is nested deeper than {_DEEPEST} levels or has more "
                             "than "
                             f"{_MOST:,} parts; no checkpoint is.")
        if isinstance(node, TensorRecord):
            found[".".join(path)] = node
        else:
            pending += reversed([((*path, *steps), child) for steps, child in _children(node)])
    return found


def strings(tree: Any) -> dict[str, str]:
    """Return the texts directly under the top of the tree (a recipe, a name)."""
    if not isinstance(tree, dict):
        return {}
    return {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, str)}


def _children(node: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        yield from (((str(key),), child) for key, child in node.items())
    elif isinstance(node, (list, tuple)):
        yield from (((str(index),), child) for index, child in enumerate(node))
    elif isinstance(node, Placeholder):
        state = node.state
        if isinstance(state, tuple) and len(state) == 2:  # attributes, and those in __slots__
            state = {**_plain(state[0]), **_plain(state[1])}
        for key, child in [*_plain(state).items(), *node.items]:
            if isinstance(key, (str, int)):
                yield (() if key in _MODULE_PARTS else (str(key),)), child


def _plain(node: Any) -> dict[Any, Any]:
    return node if isinstance(node, dict) else {}
