"""A planned program against mutants of what no port calls: MX blocks that a linear on tiles quantizes itself.

The certificate asks for operators and whole models, whose MX rows become aligned int32 values; only planned
programs keep int8 codes with an exponent a block (``rr_online_codes``).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from emitted import FIRMWARE, Emitted, build, emitted, expected, ran
from mutants.mechanical import Mutant
from plans import formats, integer_model, mlp_choices, tokens_of, with_whole_rows

NETWORK, FORMAT, CARRY = "sudoku6-mlp", "mxint4-amx", "int16"
KILLED = "killed, planned program"


@cache
def program() -> tuple[Emitted, np.ndarray]:
    """The plan of one ACT step of a network that quantizes by MX blocks, and the puzzle it is asked."""
    model = integer_model(NETWORK, FORMAT, CARRY, 2, 1)
    choices = with_whole_rows(mlp_choices(model.config)[1], model.config)
    return emitted(model, formats(FORMAT, CARRY), choices), tokens_of(model.config)


def planned(mutant: Mutant) -> str:
    """How the planned program with a mutant in it differs from the reference; empty where it does not."""
    it, tokens = program()
    with tempfile.TemporaryDirectory() as name:
        kernels = Path(shutil.copytree(FIRMWARE, Path(name) / "kernels"))
        source = kernels / mutant.file
        source.write_text(mutant.applied(source.read_text()))
        compiled = build(it, Path(name), kernels=kernels, warnings=("-std=c99", "-w"))
        try:
            found = ran(compiled, tokens)
        except (AssertionError, subprocess.TimeoutExpired):
            return f"{KILLED}: does not end well"
    calls, answer, q = expected(it.model, tokens)
    if found.calls != calls:
        at = next(i for i, pair in enumerate(zip(found.calls, calls, strict=True)) if pair[0] != pair[1])
        return f"{KILLED}: state of call {at}"
    return "" if (found.answer, found.q) == (answer, q) else f"{KILLED}: answer"
