"""Attention in C over more rows and keys than its kernels take at once: 96 rows, 1,280 keys of a column."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cross_tools import require
from test_firmware_host import FIRMWARE

from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.library import Library
from workbench.vectors.suites import compute

SOURCES = ("attention", "stage", "dot_plain", "rescale", "fixed")
ROWS, KEYS, D = 99, 1283, 3
MUTANTS = {
    "probabilities past the first 96 rows read from the start": ("probabilities + r * keys", "probabilities"),
    "values past the first 96 rows written at the start":
        ("(r * out_row + channel + i) * size", "(channel + i) * size"),
    "keys past the first 1,280 read from the start": ("v + start * d + i", "v + i"),
    "probabilities past the first 1,280 read from the start": ("probabilities + start", "probabilities"),
    "columns past the first 1,280 left out of the zero point": ("totals[i] += rr", "totals[i] = rr"),
    "sums of earlier keys forgotten": ("        totals[i] = 0;", "        totals[i] = i;"),
}  # fmt: skip


@pytest.fixture
def build(tmp_path: Path) -> Callable[[str, str], Library]:
    """Compile the attention operators with one text of rr_attention.c replaced."""
    require("gcc")

    def library(find: str, replace: str) -> Library:
        files = [FIRMWARE / "src" / f"rr_{name}.c" for name in SOURCES]
        text = files[0].read_text()
        assert text.count(find) == 1 or find == replace, f"{text.count(find)} places to change"
        files[0] = tmp_path / "rr_attention.c"
        files[0].write_text(text.replace(find, replace))
        target = tmp_path / "librr.so"
        flags = ["-std=c99", "-O2", "-w", "-shared", "-fPIC", f"-I{FIRMWARE / 'src'}", f"-I{GOLDEN / 'c'}"]
        subprocess.run(["gcc", *flags, "-o", target, *files], check=True)
        return Library(target)

    return library


def request(t: int) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Weighted values of t positions, each looking at four keys."""
    rng = np.random.default_rng(t)
    probabilities = np.full((1, t, t), -32768, np.int16)
    for row in probabilities[0]:
        row[rng.choice(t, 4, replace=False)] = -32768 + 16384
    v = rng.integers(-128, 128, (1, t, D), dtype=np.int8)
    params = {"heads": 1, "t": t, "d": D, "multiplier": 1400000000, "shift": -15, "rounding": 0,
              "output_offset": 0}  # fmt: skip
    return {"probabilities": probabilities, "v": v}, params


@pytest.mark.parametrize("t", [ROWS, KEYS])
def test_weighted_values_beyond_one_stretch_are_exact(t: int, build: Callable[[str, str], Library]) -> None:
    inputs, params = request(t)
    got = build("", "")("weighted_values", inputs, params)
    assert got is not None
    assert np.array_equal(got, compute("weighted_values", inputs, params))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_kernel_wrong_beyond_its_stretch_is_caught(name: str, build: Callable[[str, str], Library]) -> None:
    inputs, params = request(KEYS)
    got = build(*MUTANTS[name])("weighted_values", inputs, params)
    assert not np.array_equal(np.asarray(got), compute("weighted_values", inputs, params))
