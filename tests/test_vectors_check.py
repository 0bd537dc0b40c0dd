"""Checking implementations against the vectors: both Python readings pass, wrong ones are named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl import fast, ops
from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.vectors.check import check, python_implementation
from workbench.vectors.draws import Draws
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.library import Library
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.suites import op_files
from workbench.vectors.tensors import decode, encode

TABLE = decode(
    json.loads((GOLDEN / "ops" / "silu.json").read_text())["testGroups"][0]["tests"][0]["inputs"]["table"]
)


@pytest.mark.parametrize("space", [ops, fast], ids=["numpy", "numba"])
def test_every_case_passes(space: Any) -> None:
    report = check(GOLDEN, python_implementation(space))
    assert report.differences == ()
    assert report.missing == ()
    assert report.cases == sum(json.loads(p.read_text())["numberOfTests"] for p in op_files(GOLDEN))


def test_the_first_difference_names_case_index_and_both_values() -> None:
    right = python_implementation(ops)

    def wrong(algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> Any:
        out = right(algorithm, inputs, params)
        return out if out is None or out.size < 5 else np.where(np.arange(out.size) == 4, out + 1, out)

    report = check(GOLDEN, wrong, only=("silu",))
    got = int(right("silu", {"a": np.array([1], np.int8), "table": TABLE}, {"n": 1})[0]) + 1
    assert str(report.differences[0]) == (
        f"silu case 1 [4]: expected {got - 1}, got {got} "
        "(both ends and the middle; TableIndex, SignExtension)"
    )
    assert {d.case for d in report.differences} == {1, 2, 3}


def test_an_implementation_that_never_refuses_fails_exactly_the_refusals() -> None:
    def eager(algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> Any:
        out = python_implementation(ops)(algorithm, inputs, params)
        return np.zeros(1) if out is None else out

    report = check(GOLDEN, eager)
    assert {d.expected for d in report.differences} == {"a refusal"}
    assert all(d.flags == ("MustRefuse",) for d in report.differences)
    assert {d.algorithm for d in report.differences} == set(SIGNATURES)


@pytest.mark.parametrize("dtype", ["int4", "int8", "int16", "int32", "int64"])
def test_tensors_survive_the_hex_form(dtype: str) -> None:
    bits = int(dtype[3:])
    values = Draws(dtype).integers(-(2 ** (min(bits, 62) - 1)), 2 ** (min(bits, 62) - 1) - 1, 3, 5)
    assert decode(encode(values, dtype)).tolist() == values.tolist()


def test_tensor_bytes_are_little_endian_with_the_low_nibble_first() -> None:
    assert encode(np.array([1, -2]), "int16")["data"] == "0100feff"
    assert encode(np.array([1, -2, 7]), "int4")["data"] == "e107"


def test_a_tensor_with_too_few_bytes_is_refused() -> None:
    with pytest.raises(InputError, match="3 bytes of data, but int16 of shape"):
        decode({"dtype": "int16", "shape": [2], "data": "010203"})


def test_draws_are_the_published_splitmix64_stream() -> None:
    # First outputs of SplitMix64 with state 0, as in the reference implementation by Vigna.
    draws = Draws("")
    draws.state = 0
    assert [hex(int(word)) for word in draws.bits(3)] == [
        "0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f",
    ]  # fmt: skip


def test_a_library_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        Library(Path("no-such-library.so"))


def test_the_command_reports_a_changed_file_and_exits_with_1(tmp_path: Path, capsys: Any) -> None:
    shutil.copytree(GOLDEN / "ops", tmp_path / "ops")
    shutil.copy(GOLDEN / "MANIFEST.sha256", tmp_path)
    path = tmp_path / "ops" / "argmax.json"
    before, expected, after = path.read_text().partition('"expected":{"dtype":"int32","shape":[4],"data":"0')
    path.write_text(before + expected + "7" + after[1:])
    assert main(["vectors", "check", "--golden", str(tmp_path), "--only", "argmax"]) == 1
    printed = capsys.readouterr().out
    assert "ops/argmax.json differs from the manifest." in printed
    assert "refimpl.ops: 8 of 9 cases pass." in printed


def test_the_command_passes_on_the_golden_folder(capsys: Any) -> None:
    assert main(["vectors", "check", "--only", "requantize"]) == 0
    assert "refimpl.ops: 29 of 29 cases pass." in capsys.readouterr().out


def test_an_unknown_operator_is_one_sentence_and_exit_code_2(capsys: Any) -> None:
    assert main(["vectors", "check", "--only", "linaer"]) == 2
    assert "there is no operator 'linaer'" in capsys.readouterr().err


def test_export_c_writes_what_golden_c_holds(tmp_path: Path) -> None:
    assert main(["vectors", "export-c", str(tmp_path)]) == 0
    names = sorted(p.name for p in (GOLDEN / "c").iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert all((tmp_path / n).read_text() == (GOLDEN / "c" / n).read_text() for n in names)
