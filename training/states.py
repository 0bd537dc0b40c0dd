"""State files of runs, read as tensors and plain values: nothing in a file is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from refimpl.errors import InputError

KEYS = ("completed", "losses_seen", "curve", "position", "model", "ema", "optimizers", "rng", "minutes",
        "recipe")  # fmt: skip


def read_state(path: Path, device: str = "cpu") -> dict[str, Any]:
    """The state that :func:`training.run.save` wrote.

    Raises InputError where the file is no state of a run, or holds anything but tensors, numbers, texts and
    lists and tables of them.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # bytes of a stranger can break a reader of records in any way
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is no state of a training run, or holds more than tensors and numbers "
                         f"({said[:120]}).") from error  # fmt: skip
    if not isinstance(state, dict) or set(KEYS) - set(state):
        raise InputError(f"{path} is no state of a training run: it must hold {', '.join(KEYS)}.")
    return state
