"""The golden files: closed schema, byte-identical regeneration, every flag explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from closed_schema import violations

from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.files import manifest_differences
from workbench.vectors.flags import FLAGS
from workbench.vectors.refresh import c_files, refreshed_suite
from workbench.vectors.signatures import SIGNATURES, shape_of
from workbench.vectors.suites import dump, op_files, read_suite
from workbench.vectors.tensors import decode

DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in op_files(GOLDEN)}

SCHEMA = json.loads((GOLDEN / "schema.json").read_text())


def cases_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [test for group in document["testGroups"] for test in group["tests"]]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_satisfies_the_schema(name: str) -> None:
    assert violations(DOCUMENTS[name], SCHEMA, SCHEMA) == []


def test_the_schema_is_closed() -> None:
    document = json.loads(json.dumps(DOCUMENTS["silu"]))
    document["testGroups"][0]["tests"][0]["remark"] = "hello"
    del document["notes"]
    document["testGroups"][0]["tests"][1]["expected"]["dtype"] = "float32"
    assert violations(document, SCHEMA, SCHEMA) == [
        "$: notes is missing",
        "$.testGroups[0].tests[0]: remark is not allowed",
        "$.testGroups[0].tests[1].expected.dtype: 'float32' is none of "
        "['int4', 'int8', 'uint8', 'int16', 'int32', 'int64']",
    ]


def test_there_is_one_file_an_operator() -> None:
    assert set(DOCUMENTS) == set(SIGNATURES)
    assert all(document["algorithm"] == name for name, document in DOCUMENTS.items())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_cases_are_counted_and_shaped_as_the_signature_says(name: str) -> None:
    document, signature = DOCUMENTS[name], SIGNATURES[name]
    tests = cases_of(document)
    assert [t["tcId"] for t in tests] == list(range(1, document["numberOfTests"] + 1))
    assert document["inputOrder"] == [i.name for i in signature.inputs]
    assert document["parameterOrder"] == list(signature.params)
    for test in tests:
        assert ("expected" in test) == (test["result"] == "valid")
        assert ("MustRefuse" in test["flags"]) == (test["result"] == "refused")
        assert list(test["params"]) == list(signature.params)
        assert list(test["inputs"]) == [i.name for i in signature.inputs]
        if test["result"] == "valid":
            expected = test["expected"]
            assert tuple(expected["shape"]) == shape_of(signature.out_shape, test["params"])
            assert expected["dtype"] == signature.output_dtype(test["params"])
            assert decode(expected).shape == tuple(expected["shape"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_flags_are_exactly_those_explained_in_the_file(name: str) -> None:
    used = {flag for test in cases_of(DOCUMENTS[name]) for flag in test["flags"]}
    assert used == set(DOCUMENTS[name]["notes"])


def test_every_flag_is_used_somewhere() -> None:
    used = {flag for document in DOCUMENTS.values() for flag in document["notes"]}
    assert used == set(FLAGS)


def test_every_operator_has_a_case_that_must_be_refused() -> None:
    refusing = {name for name, d in DOCUMENTS.items() if any(t["result"] == "refused" for t in cases_of(d))}
    assert refusing == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answers_computed_anew_are_byte_identical(name: str) -> None:
    path = GOLDEN / "ops" / f"{name}.json"
    suite, changed, added = refreshed_suite(read_suite(path))
    assert changed == added == []
    assert dump(suite) == path.read_text()


def test_regenerated_c_files_are_byte_identical() -> None:
    regenerated = dict(c_files(GOLDEN))
    assert {path.name for path in (GOLDEN / "c").iterdir()} == set(regenerated)
    for name, text in regenerated.items():
        assert (GOLDEN / "c" / name).read_text() == text


def test_the_manifest_lists_exactly_the_generated_files() -> None:
    assert manifest_differences(GOLDEN) == []


def test_op_vector_data_stays_under_five_megabytes() -> None:
    files = [p for folder in ("ops", "c") for p in Path(GOLDEN / folder).iterdir()]
    assert sum(p.stat().st_size for p in files) < 5_000_000


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_source_of_every_file_is_a_clause_of_the_specification(name: str) -> None:
    specification = (GOLDEN.parent / "docs" / "spec.md").read_text()
    assert f"### {DOCUMENTS[name]['source']}: " in specification


def test_the_memorable_case_is_there() -> None:
    first = [group["tests"][0] for group in DOCUMENTS["requantize"]["testGroups"][:2]]
    inputs = [[int(decode(t["inputs"][n])[0]) for n in ("acc", "multiplier", "shift")] for t in first]
    assert inputs == [[-63, 1518500250, -1]] * 2
    assert [int(decode(t["expected"])[0]) for t in first] == [-23, -22]
