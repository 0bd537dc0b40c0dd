"""The golden files are the source of their requests; refreshing them computes the answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.vectors import suites
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.refresh import first_change, refreshed_suite
from workbench.vectors.suites import read_suite
from workbench.vectors.tensors import decode

ADD = GOLDEN / "ops" / "add_s16.json"


def changed_copy(folder: Path, change: Any, source: Path = ADD) -> Path:
    document = json.loads(source.read_text())
    change(document)
    path = folder / source.name
    path.write_text(json.dumps(document))
    return path


def first_test(document: Any) -> Any:
    return document["testGroups"][0]["tests"][0]


def test_a_request_written_as_lists_is_answered(tmp_path: Path) -> None:
    request = {"comment": "by hand", "flags": ["Typical"], "params": {"n": 3},
               "inputs": {"a": [1, 2, 3], "b": [10, -2, 32767]}}  # fmt: skip
    path = changed_copy(tmp_path, lambda d: d["testGroups"][0]["tests"].append(request))
    before = read_suite(path)
    with pytest.raises(StopIteration):
        next(case for case in read_suite(ADD).cases() if not case.answered)
    suite, changed, added = refreshed_suite(before)
    assert changed == []
    [name] = added
    assert name.endswith("(by hand)")
    path.write_text(suites.dump(suite))
    found = [t for g in json.loads(path.read_text())["testGroups"] for t in g["tests"]]
    assert [t["tcId"] for t in found] == list(range(1, len(found) + 1))
    [mine] = [t for t in found if t["comment"] == "by hand"]
    assert decode(mine["expected"]).tolist() == [11, 0, 32770]


def test_a_changed_rule_is_flagged_at_its_first_value(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = read_suite(GOLDEN / "ops" / "requantize.json")
    right = suites.compute

    def off_by_one(algorithm: str, inputs: Any, params: Any) -> Any:
        out = right(algorithm, inputs, params)
        return np.where(out == -23, -24, out)

    monkeypatch.setattr(suites, "compute", off_by_one)
    _, changed, _ = refreshed_suite(suite)
    assert changed[0].startswith("requantize case 1 (")
    assert "[0]: was -23, is -24" in changed[0]


def test_a_changed_answer_is_written_only_if_it_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = tmp_path / "golden"
    shutil.copytree(GOLDEN, golden)
    path = golden / "ops" / "argmax.json"
    whole = path.read_text()
    before, expected, after = whole.partition('"expected":{"dtype":"int32","shape":[4],"data":"0')
    damaged = before + expected + "7" + after[1:]
    path.write_text(damaged)
    assert main(["vectors", "refresh", "--golden", str(golden)]) == 1
    assert "changed: argmax case" in capsys.readouterr().out
    assert path.read_text() == damaged
    assert main(["vectors", "refresh", "--accept", "--golden", str(golden)]) == 0
    assert "1 answers changed" in capsys.readouterr().out
    files = [p.relative_to(GOLDEN) for p in GOLDEN.rglob("*") if p.is_file()]
    assert [p for p in files if (golden / p).read_bytes() != (GOLDEN / p).read_bytes()] == []


def test_the_first_change_of_a_document_has_its_place() -> None:
    assert first_change({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == "a[1].b: was 2, is 3"
    assert first_change({"a": 1}, {"a": 1}) == ""
    assert first_change([1], [1, 2]) == ": was [1], is [1, 2]"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(algorithm="add_s64"), "algorithm is 'add_s64'; did you mean"),
        (lambda d: d.update(testGroups=[]), "testGroups must be a list of one or more objects"),
        (lambda d: first_test(d)["params"].pop("n"), "params.n is missing"),
        (lambda d: first_test(d)["params"].update(n=2**40), "must be at most 2,147,483,647"),
        (lambda d: first_test(d)["params"].update(n=True), "n is True; it must be a whole number"),
        (lambda d: first_test(d)["params"].update(m=1), "there is no key"),
        (lambda d: first_test(d)["inputs"].update(a=None), "inputs.a is None"),
        (lambda d: first_test(d)["inputs"]["a"].update(data="xy"), "is no hex string"),
        (lambda d: first_test(d)["inputs"]["a"].update(dtype="int8"), "bytes of data, but int8"),
        (lambda d: first_test(d)["inputs"]["a"].update(shape=[10**12, 10**12]), "bytes of data, but"),
        (lambda d: first_test(d)["inputs"]["a"].update(shape=[-1]), "up to 8 sizes"),
        (lambda d: first_test(d)["inputs"].update(a=[1.5]), "nested lists of integers"),
        (lambda d: first_test(d)["inputs"].update(a=[[1], [2, 3]]), "its rows differ in length"),
        (lambda d: first_test(d)["inputs"].update(a=[40000]), "do not fit int16"),
        (lambda d: first_test(d)["inputs"].update(a=[1]), "has shape (1,); the parameters say"),
        (lambda d: first_test(d).update(flags=["Tie"]), "flags is ['Tie']; known: "),
        (lambda d: first_test(d).update(result="maybe"), "result is 'maybe'"),
    ],
)
def test_a_wrong_file_gets_one_sentence_with_the_place(change: Any, sentence: str, tmp_path: Path) -> None:
    path = changed_copy(tmp_path, change)
    with pytest.raises(InputError) as refused:
        read_suite(path)
    assert str(path) in str(refused.value)
    assert sentence in str(refused.value)


def test_a_case_that_the_contract_forbids_cannot_be_valid(tmp_path: Path) -> None:
    def forbid(document: Any) -> None:
        [test] = [t for g in document["testGroups"] for t in g["tests"] if t["comment"].startswith("eps 0")]
        test |= {"result": "valid", "expected": {"dtype": "int16", "shape": [1, 2], "data": "00000000"}}

    path = changed_copy(tmp_path, forbid, GOLDEN / "ops" / "rms_norm.json")
    with pytest.raises(InputError, match="the contract forbids the request: eps and gain"):
        read_suite(path)
