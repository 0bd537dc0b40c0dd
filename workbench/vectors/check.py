"""Hold an implementation to the op vectors: NumPy, Numba or a compiled library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError
from workbench.vectors.contract import refusal
from workbench.vectors.reference import compute
from workbench.vectors.suites import Suite, read_suites
from workbench.vectors.tensors import Array

# (operator, inputs, parameters) -> output, or None for a refusal.
Implementation = Callable[[str, dict[str, Any], dict[str, int]], Array | None]


class NotServed(Exception):
    """Raised by an implementation that does not do what a request asks for; the case is skipped."""


class Misbehaved(InputError):
    """A port did not keep to the calling convention: wrong status, written too far, dead or silent."""


@dataclass(frozen=True)
class Difference:
    """The first difference of one case; ``index`` counts elements in C order."""

    algorithm: str
    case: int
    comment: str
    flags: tuple[str, ...]
    index: int
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"{self.algorithm} case {self.case} [{self.index}]: expected {self.expected}, got {self.got} "
            f"({self.comment}; {', '.join(self.flags)})"
        )


@dataclass(frozen=True)
class Report:
    """Cases run, those of them not served, first difference of each failing case, operators not there."""

    cases: int
    skipped: int
    differences: tuple[Difference, ...]
    missing: tuple[str, ...]


def python_implementation(space: Any) -> Implementation:
    """The operators of ``refimpl.ops`` or ``refimpl.fast`` behind the contract."""

    def run(algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> Array | None:
        return None if refusal(algorithm, inputs, params) else compute(algorithm, inputs, params, space)

    return run


def first_difference(expected: Array | None, got: Array | None) -> tuple[int, str, str] | None:
    """(index, expected, got) of the first difference, or None."""
    if expected is None or got is None:
        if expected is got:
            return None
        return 0, "a refusal" if expected is None else "a result", "a refusal" if got is None else "a result"
    want, have = expected.ravel(), got.ravel()
    if len(want) != len(have):
        return 0, f"{len(want)} values", f"{len(have)} values"
    wrong = np.flatnonzero(want != have)
    return None if not len(wrong) else (int(wrong[0]), str(want[wrong[0]]), str(have[wrong[0]]))


def check_suite(suite: Suite, implementation: Implementation) -> Iterator[Difference | None]:
    """Yield the first difference of every failing case of one suite, None for one not served."""
    for case in suite.cases():
        if not case.answered:
            raise InputError(f"{suite.name} ({case.comment}) has no answer yet; run 'vectors refresh'.")
        try:
            output = implementation(suite.name, case.inputs, dict(case.params))
        except NotServed:
            yield None
            continue
        difference = first_difference(case.expected, output)
        if difference is not None:
            yield Difference(suite.name, case.number, case.comment, case.flags, *difference)


def check(
    golden: Path,
    implementation: Implementation,
    available: Callable[[str], bool] = lambda _: True,
    only: tuple[str, ...] = (),
) -> Report:
    """Run all op vectors of ``golden`` (or the operators ``only``) against ``implementation``."""
    cases, outcomes, missing = 0, list[Difference | None](), list[str]()
    for suite in read_suites(golden):
        if only and suite.name not in only:
            continue
        if not available(suite.name):
            missing.append(suite.name)
            continue
        cases += len(list(suite.cases()))
        outcomes += check_suite(suite, implementation)
    differences = tuple(d for d in outcomes if d is not None)
    return Report(cases, outcomes.count(None), differences, tuple(missing))
