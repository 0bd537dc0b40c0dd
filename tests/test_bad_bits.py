"""Bad bits: one bit is flipped, outcomes are counted once, and what is not disturbed is forgotten."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import bad_bits

from refimpl.image import Image
from refimpl.model_image import from_image
from workbench.networks import find_network
from workbench.vectors.draws import Draws


@pytest.mark.parametrize(("dtype", "bits"), [("int16", 16), ("int8", 8), ("int8", 4), ("int32", 16)])
def test_one_bit_of_one_element_is_flipped_within_its_width(dtype: str, bits: int) -> None:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    draws = Draws(f"flip {dtype} {bits}")
    for _ in range(200):
        before = draws.integers(low, high, 3, 4).astype(dtype)
        after = before.copy()
        bad_bits._flip(draws, after, bits)
        (at,) = np.flatnonzero(before != after)
        assert low <= after.flat[at] <= high
        assert ((int(before.flat[at]) ^ int(after.flat[at])) & (2**bits - 1)).bit_count() == 1


def test_a_flip_reaches_an_array_of_any_layout() -> None:
    array = np.array(np.broadcast_to(np.arange(4, dtype=np.int16), (3, 4)).T)
    before = array.copy()
    bad_bits._flip(Draws("layout"), array, 16)
    assert (before != array).sum() == 1


def test_outcomes_are_counted_once_and_what_no_call_reads_is_forgotten() -> None:
    model = from_image(Image(find_network("sudoku6-mlp").image("w4c"), "sudoku6-mlp"))
    runs = bad_bits.Undisturbed(model)
    last = len(runs.calls) - 1
    rows = list(bad_bits.transient(runs, "z_L", last, 20, Draws("z_L")))
    assert len(rows) == 20
    assert {outcome for _, _, outcome in rows} <= set(bad_bits.OUTCOMES)
    unread = list(bad_bits.transient(runs, "x", last, 20, Draws("x")))  # an H call does not read x
    assert {outcome for _, _, outcome in unread} == {"forgotten"}
    assert {site for site, _, _ in unread} <= {"x, solved" if one else "x, unsolved" for one in runs.solved}
    assert runs.solved.any()
    for site in ("weights", "tables"):
        (row,) = bad_bits.lasting(runs, site, Draws(site))
        assert row[0].partition(", ")[0] == site
