"""The levels of a certificate, computed for one port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from refimpl import ops
from workbench.certify.corpus import Request, requests
from workbench.certify.shrink import shrunk
from workbench.vectors.check import Implementation, NotServed, first_difference, python_implementation
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.suites import read_suites

FIXED_POINT = ("high_multiply", "saturating_high_multiply", "rounding_shift", "requantize", "reciprocal_root",
               "exp_on_negative", "one_over_one_plus", "unpack_int4")  # fmt: skip
# Levels that need a whole model behind a port; this certificate reaches operators.
BEYOND = ("block", "recursion", "Monte Carlo", "limits", "interruption")
SHOWN = 3


@dataclass
class Level:
    """What came out of one level: ``cases`` by operator, ``failures`` in words, operators without a case."""

    name: str
    cases: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    not_served: int = 0
    failures: list[str] = field(default_factory=list)
    wrong: int = 0
    uncomputed: list[str] = field(default_factory=list)
    why: str = ""

    @property
    def status(self) -> str:
        """``passed`` only where every declared operator has a computed case."""
        if self.why:
            return "not computed"
        if self.wrong:
            return "failed"
        return "passed" if self.cases and not self.uncomputed else "incomplete"

    def facts(self) -> dict[str, Any]:
        return {"level": self.name, "status": self.status, "cases": self.cases, "refused": self.refused,
                "not_served": self.not_served, "wrong": self.wrong, "failures": self.failures,
                "not_computed": self.uncomputed, **({"why": self.why} if self.why else {})}  # fmt: skip

    def close(self, operators: tuple[str, ...]) -> Level:
        self.uncomputed = [name for name in operators if not self.cases.get(name)]
        return self


def _described(request: Request) -> str:
    inputs, params = request
    shown = {name: None if a is None else a.tolist() for name, a in inputs.items()}
    return f"{params} {shown}"


def vectors(name: str, operators: tuple[str, ...], port: Implementation, golden: Path) -> Level:
    """Every stored case of ``operators``."""
    level = Level(name)
    for suite in read_suites(golden):
        for case in suite.cases() if suite.name in operators else ():
            try:
                got = port(suite.name, case.inputs, dict(case.params))
            except NotServed:
                level.not_served += 1
                continue
            level.cases[suite.name] = level.cases.get(suite.name, 0) + 1
            level.refused += case.refused
            if difference := first_difference(case.expected, got):
                level.wrong += 1
                index, wanted, have = difference
                flags = ", ".join(case.flags)
                level.failures.append(
                    f"{suite.name} case {case.number} [{index}]: {have}, not {wanted} ({flags})"
                )
    return level.close(operators)


def corpus(operators: tuple[str, ...], port: Implementation, count: int, seed: str,
           progress: Callable[[], None] = lambda: None) -> Level:  # fmt: skip
    """``count`` seeded requests of each operator, against the specification; failures are made small."""
    level, specification = Level("operators, seeded requests"), python_implementation(ops)

    def differs(algorithm: str, request: Request) -> tuple[int, str, str] | None:
        inputs, params = request
        wanted = specification(algorithm, inputs, params)
        return first_difference(wanted, port(algorithm, inputs, params))

    for algorithm in operators:
        found = 0
        for request in requests(algorithm, count, seed):
            try:
                difference = differs(algorithm, request)
            except NotServed:
                level.not_served += 1
                continue
            level.cases[algorithm] = level.cases.get(algorithm, 0) + 1
            level.refused += specification(algorithm, *request) is None
            if difference is None:
                continue
            level.wrong += 1
            found += 1
            if found <= SHOWN:
                name = algorithm
                small = shrunk(SIGNATURES[name], request, lambda r, name=name: bool(differs(name, r)))  # type: ignore[misc]
                index, wanted, have = differs(name, small) or difference
                level.failures.append(f"{name} [{index}]: {have}, not {wanted}: {_described(small)}")
        progress()
    return level.close(operators)


def beyond() -> list[Level]:
    """The levels that are not computed, each with the reason."""
    return [
        Level(name, why="needs a whole model behind the port; only operators are reached") for name in BEYOND
    ]
