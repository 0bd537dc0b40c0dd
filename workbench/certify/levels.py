"""The levels of a certificate that hold operators: stored vectors, seeded requests, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from refimpl import ops
from workbench.certify.corpus import Request, requests
from workbench.certify.level import SHOWN, Level
from workbench.certify.limits import limits_of
from workbench.certify.reach import Reached, TooLong
from workbench.certify.shrink import shrunk
from workbench.vectors.check import (
    Implementation,
    Misbehaved,
    NotServed,
    first_difference,
    python_implementation,
)
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.suites import read_suites
from workbench.vectors.tensors import Array

FIXED_POINT = ("high_multiply", "saturating_high_multiply", "rounding_shift", "requantize", "reciprocal_root",
               "exp_on_negative", "one_over_one_plus", "unpack_int4")  # fmt: skip
SPECIFICATION = python_implementation(ops)
TOLD = 50_000  # characters of a request: the longest rows in whole, a square of 1,281 keys not


def _described(request: Request) -> str:
    inputs, params = request
    shown = {name: None if a is None else a.tolist() for name, a in inputs.items()}
    text = f"{params} {shown}"
    return text if len(text) <= TOLD else f"{text[:TOLD]} ... ({len(text):,} characters)"


def _tried(level: Level, port: Implementation, name: str, request: Request) -> tuple[bool, Array | None]:
    """(whether there is an answer, the answer); what the port does not serve or does wrong is counted."""
    try:
        answer = port(name, *request)
    except TooLong:
        level.too_long += 1
    except NotServed:
        level.not_served += 1
    except Misbehaved as error:
        level.count(name)
        level.fail(name, f"misbehaves: {error} {_described(request)[:200]}")
        if isinstance(port, Reached):
            port.restart()
    else:
        level.count(name)
        return True, answer
    return False, None


def vectors(name: str, operators: tuple[str, ...], port: Implementation, golden: Path) -> Level:
    """Every stored case of ``operators``."""
    level = Level(name)
    for suite in read_suites(golden):
        for case in suite.cases() if suite.name in operators else ():
            there, got = _tried(level, port, suite.name, (case.inputs, dict(case.params)))
            level.refused += there and case.refused
            if there and (difference := first_difference(case.expected, got)):
                index, wanted, have = difference
                flags = ", ".join(case.flags)
                level.fail(suite.name, f"case {case.number} [{index}]: {have}, not {wanted} ({flags})")
    return level.close(operators)


def _held(level: Level, name: str, port: Implementation, several: Iterable[Request]) -> None:
    """Requests of one operator against the specification; the first failures are made small."""

    def differs(request: Request) -> tuple[int, str, str] | None:
        return first_difference(SPECIFICATION(name, *request), port(name, *request))

    def still_wrong(request: Request) -> bool:
        try:
            return differs(request) is not None
        except (NotServed, Misbehaved):
            return False

    told = misbehaved = 0
    for request in several:
        if misbehaved == SHOWN:
            level.notes.append(f"{name}: no more requests after {SHOWN} without an answer")
            return
        before = level.wrong
        there, got = _tried(level, port, name, request)
        misbehaved += level.wrong - before
        if not there:
            continue
        wanted = SPECIFICATION(name, *request)
        level.refused += wanted is None
        difference = first_difference(wanted, got)
        if difference is None:
            continue
        told += 1
        if told <= SHOWN:
            request = shrunk(SIGNATURES[name], request, still_wrong)
            difference = differs(request) or difference
        index, right, have = difference
        level.fail(name, f"[{index}]: {have}, not {right}: {_described(request)}")


def corpus(operators: tuple[str, ...], port: Implementation, count: int, seed: str,
           progress: Callable[[], None] = lambda: None) -> Level:  # fmt: skip
    """``count`` seeded requests of each operator."""
    level = Level("operators, seeded requests")
    for name in operators:
        _held(level, name, port, requests(name, count, seed))
        progress()
    return level.close(operators)


def limits(operators: tuple[str, ...], port: Implementation) -> Level:
    """Both ends of every saturation, the largest sums, the longest rows, and what is to be refused."""
    level = Level("limits")
    for name in operators:
        _held(level, name, port, limits_of(name))
    without = [name for name in operators if not limits_of(name)]
    if without:
        level.notes.append(f"without limits: {', '.join(without)}")
    return level.close(name for name in operators if name not in without)
