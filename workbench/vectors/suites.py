"""The op vectors as values: one suite a file, every case a request with its answer.

The files under ``golden/ops`` are the source: a case is added by writing its request there (``comment``,
``flags``, ``params``, ``inputs``, a tensor as nested lists if that is easier) and running
``python -m refimpl vectors refresh``, which computes the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError, shown
from workbench.files.fields import Fields
from workbench.files.inputs import read_json
from workbench.vectors.contract import refusal
from workbench.vectors.flags import FLAGS
from workbench.vectors.reference import compute
from workbench.vectors.signatures import SIGNATURES, Signature, shape_of
from workbench.vectors.tensors import Array, decode, encode, from_lists

SCHEMA = "op_vectors_schema_v1"
GENERATOR = "refimpl vectors 1"
INT32 = (-(2**31), 2**31 - 1)
ANSWERS = ("valid", "refused")


@dataclass(frozen=True, eq=False)
class Case:
    """One request and its answer: ``expected`` is None where the contract forbids the request.

    ``answered`` is False for a request that was written by hand and not computed yet.
    """

    number: int
    comment: str
    flags: tuple[str, ...]
    params: dict[str, int]
    inputs: dict[str, Array | None]
    expected: Array | None
    answered: bool = True

    @property
    def refused(self) -> bool:
        return self.answered and self.expected is None


@dataclass(frozen=True, eq=False)
class Suite:
    """All cases of one operator: (title of a group, its cases), edges first."""

    signature: Signature
    groups: tuple[tuple[str, tuple[Case, ...]], ...]

    @property
    def name(self) -> str:
        return self.signature.name

    def cases(self) -> Iterator[Case]:
        for _, cases in self.groups:
            yield from cases


def op_files(golden: Path) -> list[Path]:
    """The op vector files of ``golden``, sorted."""
    found = sorted((golden / "ops").glob("*.json"))
    if not found:
        raise InputError(f"{golden} holds no op vectors (ops/*.json); name the golden folder with --golden.")
    return found


def read_suites(golden: Path) -> list[Suite]:
    """Every suite of ``golden``, sorted by name."""
    return [read_suite(path) for path in op_files(golden)]


def read_suite(path: Path) -> Suite:
    """The suite in a file, every case checked against the operator's signature and against the contract."""
    document = read_json(path, "the vector file")
    signature = SIGNATURES[document.choice("algorithm", tuple(SIGNATURES))]
    groups = []
    for group in document.tables("testGroups"):
        cases = tuple(_case(signature, test) for test in group.tables("tests"))
        groups.append((group.text("type"), cases))
    return Suite(signature, tuple(groups))


def _case(signature: Signature, test: Fields) -> Case:
    params = _params(signature, test.table("params"))
    given, inputs = test.table("inputs"), dict[str, Array | None]()
    for item in signature.inputs:
        if given.has(item.name) and given.data[item.name] is None and item.optional:
            inputs[item.name] = None
            continue
        inputs[item.name] = _tensor(given, item.name, item.dtype)
    given.finish()
    flags = tuple(test.listed("flags", str, "names of flags"))
    if not flags or not set(flags) <= set(FLAGS):
        raise test.error(f"{test.label('flags')} is {shown(list(flags))}; known: {', '.join(FLAGS)}.")
    answered, expected = test.has("result"), None
    if answered and test.choice("result", ANSWERS) == "valid":
        _check_shapes(signature, test, inputs, params)
        expected = _tensor(test, "expected", signature.output_dtype(params))
        _same_shape(test, "expected", expected, shape_of(signature.out_shape, params))
    number = test.whole("tcId") if test.has("tcId") else 0
    return Case(number, test.text("comment"), flags, params, inputs, expected, answered)


def _params(signature: Signature, given: Fields) -> dict[str, int]:
    found = {}
    for name in signature.params:
        found[name] = given.whole(name, *INT32)
    given.finish()
    return found


def _tensor(fields: Fields, name: str, dtype: str) -> Array:
    if isinstance(fields.data.get(name), list):
        fields.has(name)
        try:
            return from_lists(fields.data[name], dtype)
        except InputError as error:
            raise fields.error(f"{fields.label(name)}: {error}") from error
    tensor = fields.table(name)
    array = decode(tensor)
    if tensor.data["dtype"] != dtype:
        raise tensor.error(f"{tensor.label('dtype')} is {tensor.data['dtype']}; it must be {dtype}.")
    tensor.finish()
    return array


def _same_shape(fields: Fields, name: str, array: Array | None, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape:
        raise fields.error(f"{fields.label(name)} has shape {array.shape}; the parameters say {shape}.")


def _check_shapes(
    signature: Signature, test: Fields, inputs: dict[str, Array | None], params: dict[str, int]
) -> None:
    for item in signature.inputs:
        _same_shape(test, f"inputs.{item.name}", inputs[item.name], shape_of(item.shape, params))
    if why := refusal(signature.name, inputs, params):
        raise test.error(f"{test.label('result')} is valid, but the contract forbids the request: {why}.")


def answer(signature: Signature, case: Case) -> Array | None:
    """The output of the specification, or None where the contract forbids the request."""
    if refusal(signature.name, case.inputs, case.params) is not None:
        return None
    for item in signature.inputs:
        given, shape = case.inputs[item.name], shape_of(item.shape, case.params)
        if given is not None and given.shape != shape:
            raise InputError(f"{signature.name} ({case.comment}): {item.name} has shape {given.shape}; "
                             f"the parameters say {shape}.")
    return np.asarray(compute(signature.name, case.inputs, case.params))


def _case_json(signature: Signature, case: Case) -> dict[str, Any]:
    result: dict[str, Any] = {
        "tcId": case.number,
        "comment": case.comment,
        "flags": list(case.flags),
        "params": case.params,
        "inputs": {
            i.name: None if (value := case.inputs[i.name]) is None else encode(value, i.dtype)
            for i in signature.inputs
        },
        "result": "refused" if case.expected is None else "valid",
    }
    if case.expected is not None:
        result["expected"] = encode(case.expected, signature.output_dtype(case.params))
    return result


def dump(suite: Suite) -> str:
    """JSON text of answered cases, a line each, so that a diff shows cases."""
    signature = suite.signature
    used = {flag for case in suite.cases() for flag in case.flags}
    head = {
        "algorithm": suite.name,
        "schema": SCHEMA,
        "generator": GENERATOR,
        "source": signature.clause,
        "description": signature.about,
        "inputOrder": [i.name for i in signature.inputs],
        "parameterOrder": list(signature.params),
        "numberOfTests": len(list(suite.cases())),
        "notes": {
            name: {"bugType": flag.bug_type, "description": flag.description}
            for name, flag in FLAGS.items() if name in used
        },
    }  # fmt: skip
    lines = json.dumps(head, indent=1, ensure_ascii=True).removesuffix("\n}")
    groups = []
    for title, cases in suite.groups:
        tests = ",\n".join(
            "   " + json.dumps(_case_json(signature, case), separators=(",", ":")) for case in cases
        )
        groups.append(f'  {{"type": {json.dumps(title)}, "tests": [\n{tests}\n  ]}}')
    return lines + ',\n "testGroups": [\n' + ",\n".join(groups) + "\n ]\n}\n"
