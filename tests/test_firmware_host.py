"""The C99 firmware on the host: every vector, every trace, and the ways a team checks its own kernels."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cross_tools import require

from refimpl.__main__ import main
from refimpl.errors import InputError
from refimpl.packing import unpack_codes
from workbench.vectors.check import check
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.library import Library
from workbench.vectors.pytest_plugin import GoldenVectors
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.traced import TRACED

FIRMWARE = GOLDEN.parent / "firmware"


def make(build: Path, *arguments: str) -> str:
    """Run make in firmware/ with its own build folder; a failure shows what make printed."""
    done = subprocess.run(
        ["make", f"-j{os.cpu_count()}", "-C", str(FIRMWARE), f"BUILD={build}", *arguments],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("make", "gcc")
    build = tmp_path_factory.mktemp("library")
    make(build, "library")
    return build / "librr_ops.so"


def shared_object(folder: Path, text: str) -> Path:
    """A library compiled from ``text`` against the exported ABI header."""
    require("gcc")
    (folder / "mine.c").write_text(text)
    target = folder / "libmine.so"
    command = ["gcc", "-shared", "-fPIC", f"-I{GOLDEN / 'c'}", "-o", str(target), str(folder / "mine.c")]
    subprocess.run(command, check=True)
    return target


def test_the_firmware_library_passes_every_vector(library: Path) -> None:
    loaded = Library(library)
    report = check(GOLDEN, loaded, loaded.has)
    assert report.differences == ()
    assert report.missing == ()


def test_the_command_checks_a_library(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "check", "--library", str(library), "--only", "silu"]) == 0
    assert capsys.readouterr().out == f"{library}: 6 of 6 cases pass.\n"


def test_the_fixture_of_the_pytest_plugin_checks_a_library(library: Path) -> None:
    vectors = GoldenVectors(GOLDEN)
    assert vectors.differences(library) == []
    assert vectors.differences(str(library), "linear_s4", "softmax_s8_s16") == []


def as_request(case: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, int]]:
    """A vector of tests/data/peers in the terms of the ABI."""
    scale = {
        "rounding": ("double", "single").index(case["rounding"]),
        "output_offset": case.get("output_offset", 0),
    }
    if case["op"] == "mul_s8":
        a, b = (np.array(case[name], np.int8).ravel() for name in "ab")
        params = {"n": a.size, "multiplier": case["multiplier"], "shift": case["shift"], **scale}
        return "multiply", {"a": a, "b": b}, params
    x = np.array(case["x"], np.int8)
    if case["op"] == "softmax_s8_s16":
        params = {
            "rows": len(x),
            "cols": x.shape[1],
            **{p: case[p] for p in ("multiplier", "shift", "diff_min")},
        }
        return "softmax_s8_s16", {"a": x}, params
    if case["op"] == "linear_s8_per_channel":
        name, codes = "linear_s8", np.array(case["w"], np.int8)
    else:
        packed, shape = np.array(case["packed"], np.uint8), (case["rows"], x.shape[1])
        name, codes = "linear_s4", unpack_codes(packed, 4, shape)
    rest = {
        key: None if case[key] is None else np.array(case[key], np.int32)
        for key in ("bias", "multiplier", "shift")
    }
    return name, {"a": x, "codes": codes, **rest}, {"rows": len(x), "n": len(codes), "k": x.shape[1], **scale,
                                                    "out_bits": 8}  # fmt: skip


def test_the_firmware_reproduces_what_cmsis_nn_computed(library: Path) -> None:
    loaded = Library(library)
    cases = json.loads((Path(__file__).parent / "data" / "peers" / "cmsis_nn.json").read_text())["cases"]
    assert len(cases) == 163
    for case in cases:
        out = loaded(*as_request(case))
        assert out is not None
        assert out.ravel().tolist() == np.array(case["expected"]).ravel().tolist()


def test_a_form_that_a_library_does_not_serve_is_skipped_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SILU_OFF_BY_ONE.replace("(a[i] + 129) & 255", "a[i] + 128").replace(
        "if (n < 1)", "if (n == 5) return 2; if (n < 1)"
    )
    mine = shared_object(tmp_path, text)
    assert main(["vectors", "check", "--library", str(mine), "--only", "silu"]) == 0
    assert capsys.readouterr().out == f"{mine}: 5 of 6 cases pass, 1 skipped.\n"


SILU_OFF_BY_ONE = """
#include "rr_abi.h"
int32_t rr_silu(const int8_t *a, const int8_t *table, int32_t n, int8_t *out)
{
    if (n < 1) return 1;
    for (int32_t i = 0; i < n; i++) out[i] = table[(a[i] + 129) & 255];
    return 0;
}
"""


def test_a_wrong_kernel_is_named_with_case_index_and_flags(tmp_path: Path) -> None:
    mine = shared_object(tmp_path, SILU_OFF_BY_ONE)
    differences = GoldenVectors(GOLDEN).differences(mine, "silu")
    assert len(differences) == 4
    assert all(d.startswith("silu case ") and "TableIndex" in d for d in differences[:2])


def test_operators_that_a_library_lacks_are_listed_not_failed(tmp_path: Path) -> None:
    loaded = Library(shared_object(tmp_path, SILU_OFF_BY_ONE))
    assert set(check(GOLDEN, loaded, loaded.has).missing) == set(SIGNATURES) - {"silu"}
    with pytest.raises(InputError, match="does not export rr_linear_s8"):
        GoldenVectors(GOLDEN).differences(tmp_path / "libmine.so", "linear_s8")


def test_a_kernel_that_writes_behind_its_output_is_refused(tmp_path: Path) -> None:
    text = SILU_OFF_BY_ONE.replace("return 0;", "out[n] = 1;\n    return 0;").replace("i] + 129", "i] + 128")
    with pytest.raises(InputError, match="wrote behind its 5 output values"):
        GoldenVectors(GOLDEN).differences(shared_object(tmp_path, text), "silu")


def test_a_library_without_any_operator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exports none of the functions"):
        Library(shared_object(tmp_path, "int hello(void) { return 1; }\n"))


@pytest.mark.slow
def test_make_check_passes_with_both_compilers_and_under_the_sanitizers(tmp_path: Path) -> None:
    require("make", "gcc", "clang")
    printed = make(tmp_path, "check")
    assert printed.count(", 0 differences") == len(TRACED) + 1
    assert (tmp_path / "vectors-sanitized.txt").read_text().endswith("0 failures\n")
    assert (tmp_path / "traces-sanitized.txt").read_text().count(", 0 differences") == len(TRACED) + 1


@pytest.mark.slow
def test_a_damaged_image_is_refused_and_a_changed_weight_is_found(tmp_path: Path) -> None:
    require("make", "gcc")
    make(tmp_path, f"{tmp_path}/traces")
    folder = tmp_path / "recursion"
    folder.mkdir()
    for image in (GOLDEN / "recursion").glob("*.rrim"):
        (folder / image.name).write_bytes(image.read_bytes())
    damaged = folder / "hrm-small-w4c.rrim"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    done = subprocess.run([tmp_path / "traces", folder], capture_output=True, text=True)
    assert done.returncode == 1
    assert "hrm-small-w4c: this is not the image of the trace" in done.stdout
    assert "block-monte-carlo: image refused: section CRC32" in done.stdout
    assert "hrm-small-w8c-single: 24 calls, 0 differences" in done.stdout
