"""A small choice of the golden vectors for the boot self-test: each operator in use, each kind of bug."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from workbench.vectors.export_c import RUNNER, data_header, runner
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.suites import Case, Suite, read_suite

# The rules every operator rests on come first, so that the first failing name is the most precise one.
RULES = ("high_multiply", "rounding_shift", "requantize", "reciprocal_root")
EVERYWHERE = ("quantize_s16", "quantize_s32", "multiply", "silu", "add_s16", "add_s32", "rms_norm", "argmax")
ATTENTION = ("saturating_high_multiply", "exp_on_negative", "one_over_one_plus", "softmax_s8_s16", "scores",
             "weighted_values")  # fmt: skip
# Operators whose vectors reach the plan's own kernels through files/selftest/rr_adapter.c.
ADAPTED = frozenset({"linear_s4", "linear_s8", *EVERYWHERE, "rope", "int8_carry"})
_CHECK = re.compile(r'failures \+= rr_check\(put, "(\w+)", (.*)\);')
MOST_BYTES = 1500  # of the inputs and outputs of one case


def operators_of(config: ModelConfig, format: Format) -> tuple[str, ...]:
    """Names of the operators that a deployment computes with, the rules they share first."""
    linear = "linear_s4" if format.weights.bits <= 4 else "linear_s8"
    names = [*RULES, linear, *EVERYWHERE]
    if config.token_intermediate_size is None:
        names += ATTENTION
        names += ["rope"] if config.pos_encodings == "rope" else []
    names += ["int8_carry"] if format.carry == "int8" else []
    return tuple(names)


def chosen_cases(suite: Suite) -> tuple[Case, ...]:
    """For each flag (a kind of bug) of a suite its smallest valid case, small ones only."""
    by_size = sorted((case for case in suite.cases() if case.expected is not None), key=_size)
    chosen: list[Case] = []
    seen: set[str] = set()
    for case in by_size:
        if not set(case.flags) <= seen and (_size(case) <= MOST_BYTES or not chosen):
            chosen.append(case)
            seen.update(case.flags)
    return tuple(sorted(chosen, key=lambda case: case.number))


def _size(case: Case) -> int:
    arrays = [*case.inputs.values(), case.expected]
    return sum(array.nbytes for array in arrays if array is not None)


def vector_files(names: Iterable[str]) -> dict[str, str]:
    """File name -> text of the data headers and of the runner over them."""
    files: dict[str, str] = {}
    largest, done = 0, list[str]()
    for name in names:
        suite = read_suite(DEFAULT_GOLDEN / "ops" / f"{name}.json")
        small = replace(suite, groups=(("self-test", chosen_cases(suite)),))
        text, size = data_header(small)
        if name in ADAPTED:
            text = text.replace(f"return rr_{name}(", f"return rr_test_{name}(")
        files[f"rr_vectors_{name}.h"] = text
        largest, done = max(largest, size), [*done, name]
    abi = '#include "rr_abi.h"'
    text = runner(done, largest).replace(abi, f'{abi}\n#include "rr_adapter.h"')
    return {**files, RUNNER: _CHECK.sub(r'failures += rr_note("\1", rr_check(put, "\1", \2));', text)}
