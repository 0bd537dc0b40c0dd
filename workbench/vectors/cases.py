"""Cases, groups and suites before they become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.vectors.contract import refusal
from workbench.vectors.flags import FLAGS
from workbench.vectors.reference import compute
from workbench.vectors.signatures import ROUNDING_NAMES, SIGNATURES, Signature, shape_of
from workbench.vectors.tensors import Array, encode

SCHEMA = "op_vectors_schema_v1"
GENERATOR = "refimpl vectors 1"
Inputs = dict[str, Array | None]


@dataclass(frozen=True)
class Case:
    """One request; ``refused`` states that the contract forbids it."""

    comment: str
    flags: tuple[str, ...]
    inputs: Inputs
    params: dict[str, int]
    refused: bool = False


@dataclass(frozen=True)
class Suite:
    """All cases of one operator: (title of a group, its cases), edges first."""

    algorithm: str
    groups: tuple[tuple[str, tuple[Case, ...]], ...]


def case_json(signature: Signature, number: int, case: Case) -> dict[str, Any]:
    """Check ``case`` against the signature and the contract, compute it, return its JSON form."""
    where = f"{signature.name} case {number} ({case.comment})"
    assert set(case.inputs) == {i.name for i in signature.inputs}, where
    assert tuple(case.params) == signature.params, f"{where}: {tuple(case.params)}"
    assert case.flags, where
    assert all(flag in FLAGS for flag in case.flags), where
    for item in signature.inputs:
        value = case.inputs[item.name]
        assert (value is not None) or item.optional, where
        assert value is None or value.shape == shape_of(item.shape, case.params) or case.refused, where
    reason = refusal(signature.name, case.inputs, case.params)
    assert (reason is not None) == case.refused == ("MustRefuse" in case.flags), f"{where}: {reason}"
    result: dict[str, Any] = {
        "tcId": number,
        "comment": case.comment if reason is None else f"{case.comment}: {reason}",
        "flags": list(case.flags),
        "params": case.params,
        "inputs": {
            i.name: None if (value := case.inputs[i.name]) is None else encode(value, i.dtype)
            for i in signature.inputs
        },
        "result": "valid" if reason is None else "refused",
    }
    if reason is None:
        output = compute(signature.name, case.inputs, case.params)
        assert output.shape == shape_of(signature.out_shape, case.params), where
        result["expected"] = encode(output, signature.output_dtype(case.params))
    return result


def suite_json(suite: Suite) -> dict[str, Any]:
    """Return the JSON document of a suite; ``tcId`` counts from 1 over all groups."""
    signature = SIGNATURES[suite.algorithm]
    groups: list[dict[str, Any]] = []
    used: set[str] = set()
    number = 0
    for title, cases in suite.groups:
        tests = []
        for case in cases:
            number += 1
            tests.append(case_json(signature, number, case))
            used.update(case.flags)
        groups.append({"type": title, "tests": tests})
    notes = {
        f: {"bugType": FLAGS[f].bug_type, "description": FLAGS[f].description} for f in FLAGS if f in used
    }
    return {
        "algorithm": suite.algorithm,
        "schema": SCHEMA,
        "generator": GENERATOR,
        "source": signature.clause,
        "description": signature.about,
        "inputOrder": [i.name for i in signature.inputs],
        "parameterOrder": list(signature.params),
        "numberOfTests": number,
        "notes": notes,
        "testGroups": groups,
    }


def both_roundings() -> tuple[tuple[int, str], ...]:
    """(0, "double"), (1, "single")."""
    return tuple(enumerate(ROUNDING_NAMES))
