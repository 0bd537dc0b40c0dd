"""A result is kept under what it was measured on: another bit is another key, another path is not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.fast import cache as kernels
from workbench import content
from workbench.content import content_key
from workbench.lab.cell import Cell, Choice, content_of
from workbench.lab.variant import Variant
from workbench.networks import Network, find_network
from workbench.tasks.sets import PuzzleSet, evaluation_set


@cache
def network() -> Network:
    return find_network("sudoku6-mlp")


@cache
def puzzles() -> PuzzleSet:
    return evaluation_set(network().config, 4)


def key(of: Network | None = None, fmt: str = "w4c-a8-c16", on: PuzzleSet | None = None, *more: str) -> str:
    found = of or network()
    return content_key(found, fmt, found.config, on or puzzles(), *more)


def flipped(values: np.ndarray, bit: int) -> np.ndarray:
    """``values`` with one bit changed."""
    raw = np.array(values, order="C")
    flat = raw.reshape(-1).view(np.uint8)
    bit %= 8 * flat.size
    flat[bit // 8] ^= 1 << (bit % 8)
    return raw


BITS = st.integers(0, 2**40)


@settings(max_examples=60, deadline=None)
@given(bit=BITS, name=st.integers(0, 100))
def test_another_bit_of_a_weight_is_another_key(bit: int, name: int) -> None:
    chosen = sorted(network().tensors)[name % len(network().tensors)]
    values = np.asarray(network().tensors[chosen], np.float32)
    changed = {**network().tensors, chosen: flipped(values, bit)}
    other = replace(network(), tensors=changed, ranges=network().calibration)
    assert key(other) != key()


@settings(max_examples=60, deadline=None)
@given(bit=BITS, site=st.integers(0, 100))
def test_another_bit_of_a_range_is_another_key(bit: int, site: int) -> None:
    calibration = network().calibration
    chosen = sorted(calibration.absmax)[site % len(calibration.absmax)]
    peak = float(flipped(np.array([calibration.absmax[chosen]]), bit)[0])
    other = replace(calibration, absmax={**calibration.absmax, chosen: peak})
    assert key(network().with_calibration(other)) != key()
    float_key = key(fmt="float")
    assert key(network().with_calibration(other), "float") == float_key, "float runs have no ranges"


@settings(max_examples=60, deadline=None)
@given(bit=BITS, labels=st.booleans())
def test_another_bit_of_a_puzzle_is_another_key(bit: int, labels: bool) -> None:
    name = "labels" if labels else "inputs"
    changed: dict[str, np.ndarray] = {name: flipped(getattr(puzzles(), name), bit)}
    assert key(on=PuzzleSet(**{"inputs": puzzles().inputs, "labels": puzzles().labels, **changed},
                            origin="x")) != key()  # fmt: skip


FORMATS = ("w4c-a8-c16", "w4t-a8-c16", "w8c-a8-c16", "w4c-a8d-c16", "w4c-a8-c8", "w4c-a8-c16-single",
           "w4c-a8-c16+lm_head=w8c", "fp32", "float", "bf16")  # fmt: skip


def test_another_format_depth_or_recipe_is_another_key() -> None:
    keys = [key(fmt=fmt) for fmt in FORMATS]
    config = network().config
    deeper = replace(config, H_cycles=config.H_cycles + 1), replace(config, halt_max_steps=3)
    keys += [content_key(network(), FORMATS[0], c, puzzles()) for c in deeper]
    keys += [key(None, FORMATS[0], None, "feedback"), key(None, FORMATS[0], None, "clip")]
    keys.append(key(on=replace(puzzles(), puzzle_ids=np.zeros(4, np.int32))))
    assert len(set(keys)) == len(keys)


@settings(max_examples=40, deadline=None)
@given(bit=BITS, package=st.sampled_from(content.SOURCES), file=st.integers(0, 100))
def test_another_bit_of_a_source_is_another_key(bit: int, package: str, file: int) -> None:
    sources = kernels._sources

    def changed(folder, name):
        files = list(sources(folder, name))
        if name == package:
            place = file % len(files)
            files[place] = files[place][0], bytes(flipped(np.frombuffer(files[place][1], np.uint8), bit))
        return iter(files)

    before = kernels.digest_of(content.SOURCES)
    kernels._sources = changed
    try:
        assert kernels.digest_of(content.SOURCES) != before
    finally:
        kernels._sources = sources
    assert content.code() == before


def test_the_key_of_another_code_is_another_key(monkeypatch) -> None:
    before = key()
    monkeypatch.setattr(content, "code", lambda: "other sources")
    assert key() != before


def test_the_same_weights_under_another_path_are_the_same_measurement(tmp_path) -> None:
    """And other weights under the same path are another one."""
    folder = network().folder
    assert folder is not None
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    cells = [Cell(Variant(name), Choice(4)) for name in ("sudoku6-mlp", str(copy))]
    assert content_of(cells[0]) == content_of(cells[1])
    assert replace(find_network(str(copy)), name="x", folder=None).digest == network().digest
