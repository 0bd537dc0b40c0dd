"""From what a training script saved to our canonical tensor names.

Canonical are the names of the official code below its loss head, for example
``inner.L_level.layers.0.mlp.down_proj.weight``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from refimpl.errors import InputError
from workbench.checkpoints.elements import Array

T = TypeVar("T")

_COMPILED = "_orig_mod."  # torch.compile puts it in front of whatever it wraps, at any depth
_WRAPPERS = ("module.", "model.")  # data-parallel and loss-head wrappers, in front of the name
_DEEPEST = 2


def canonical(name: str) -> str:
    """Strip wrapper prefixes: ``_orig_mod.model.inner.H_init`` -> ``inner.H_init``."""
    name = name.replace(_COMPILED, "")
    while name.startswith(_WRAPPERS):
        name = name.partition(".")[2]
    return name


def canonical_names(tensors: Mapping[str, Array], where: Path) -> dict[str, Array]:
    """Rename every tensor; two that come out alike are an :class:`InputError`."""
    renamed: dict[str, Array] = {}
    for name, values in tensors.items():
        short = canonical(name)
        if short in renamed:
            raise InputError(f"{where}: two tensors are called {short} once wrapper prefixes are stripped.")
        renamed[short] = values
    return renamed


def find_state(tree: Any, kind: type[T], state: str | None, where: Path) -> dict[str, T]:
    """Return the mapping from names to tensors (instances of ``kind``) inside a saved object.

    A bare state_dict is the mapping itself.  A training checkpoint wraps it (``{"model": ...,
    "optimizer": ...}``); the wrapper is found by what it holds.  If there are several (weights and their
    moving average), ``state`` says which.  Entries that are no tensors are passed over.

    Parameters
    ----------
    state : str or None
        Dotted path of keys such as ``"model"`` or ``"ema.shadow"``.

    Raises
    ------
    InputError
        If no mapping holds tensors, or several do and ``state`` names none of them.
    """
    found: dict[str, dict[str, T]] = {}

    def search(node: Any, path: tuple[str, ...]) -> None:
        if not isinstance(node, dict):
            return
        named = {key: value for key, value in node.items() if isinstance(key, str)}
        tensors = {key: value for key, value in named.items() if isinstance(value, kind)}
        if tensors:
            found[".".join(path)] = tensors
        if len(path) < _DEEPEST:
            for key, value in named.items():
                search(value, (*path, key))

    search(tree, ())
    if not found:
        keys = f" (its keys: {', '.join(map(str, list(tree)[:8]))})" if isinstance(tree, dict) else ""
        raise InputError(f"{where}: no mapping from names to tensors is in it{keys}.")
    if state is None and len(found) == 1:
        return next(iter(found.values()))
    if state in found:
        return found[state]
    raise InputError(
        f"{where} holds tensors under {', '.join(repr(key) for key in found)}"
        + ("; say which with --state." if state is None else f", not under {state!r}.")
    )
