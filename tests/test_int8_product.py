"""The host's integer dot products give the sums of the specification, whichever instructions carry them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from compare import assert_exact
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import fast, ops
from refimpl.fast import exact_gemm, int8_product
from refimpl.fast.int8_product import TILE_ROWS, Engine, available, proved
from refimpl.params import Linear, Rescale

engines = pytest.mark.parametrize("engine", available(), ids=lambda engine: engine.name)


def codes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape).astype(np.int8)


def product(engine: Engine, a: np.ndarray, w: np.ndarray) -> np.ndarray:
    packed, out = engine.pack(w[None]), np.empty((1, len(a), len(w)), np.int32)
    packed.multiply(a[None], packed.as_they_are(), out)
    return out[0]


@engines
@settings(deadline=None)  # the first example compiles
@given(st.integers(1, 70), st.integers(1, 200), st.integers(1, 140), st.integers(0, 9))
def test_sums_are_those_of_int64(engine: Engine, rows: int, inner: int, outputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, w = codes(rng, rows, inner), codes(rng, outputs, inner)
    found = product(engine, a, w)
    assert_exact(found, (a.astype(np.int64) @ w.T.astype(np.int64)).astype(np.int32))


@engines
@pytest.mark.parametrize("activation", [-128, 127])
@pytest.mark.parametrize("weight", [-128, 127])
def test_nothing_saturates_at_the_largest_products(engine: Engine, activation: int, weight: int) -> None:
    """16,384 products of extremes: an int16 pair sum, as vpmaddubsw makes, would not hold two of them."""
    a, w = np.full((3, 16384), activation, np.int8), np.full((5, 16384), weight, np.int8)
    found = product(engine, a, w)
    assert_exact(found, np.full((3, 5), 16384 * activation * weight, np.int64).astype(np.int32))


@engines
def test_sums_wrap_where_the_accumulator_of_the_specification_wraps(engine: Engine) -> None:
    inner = 2**31 // (128 * 128) + 64
    a, w = np.full((1, inner), -128, np.int8), np.full((1, inner), -128, np.int8)
    found = product(engine, a, w)
    assert_exact(found, a.astype(np.int32) @ w.T.astype(np.int32))


@engines
@pytest.mark.parametrize("rounding", ["double", "single"])
@pytest.mark.parametrize("bits", [8, 32])
def test_a_linear_is_the_same_by_every_engine(
    engine: Engine, rounding: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(bits)
    p = Linear("x", 8, codes(rng, 33, 97), rng.integers(-999, 999, 33).astype(np.int32),
               rng.integers(2**30, 2**31, 33).astype(np.int32), rng.integers(-9, 0, 33).astype(np.int32),
               rounding, bits)  # type: ignore[arg-type]  # fmt: skip
    a = codes(rng, 700, 97)
    monkeypatch.setattr(exact_gemm, "engine", lambda: engine)
    monkeypatch.setattr(int8_product, "TILE_BYTES", 97 * TILE_ROWS)  # more rows than one tile of activations
    assert_exact(fast.linear(a, replace(p)), ops.linear(a, p))


@engines
def test_attention_products_are_the_same_by_every_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    q, k, v = (codes(rng, 2, 3, 41, 16) for _ in range(3))
    probabilities = rng.integers(-32768, -32768 + 1500, (2, 3, 41, 41)).astype(np.int16)
    probabilities[..., 0, :] = -32768
    probabilities[..., 0, 7] = 32767
    p = Rescale("s", 1518500250, -7, "double")
    wide = Rescale("v", 1518500250, -15, "double")
    monkeypatch.setattr("refimpl.fast.attention.engine", lambda: engine)
    assert_exact(fast.scores(q, k, p), ops.scores(q, k, p))
    assert_exact(fast.weighted_values(probabilities, v, wide), ops.weighted_values(probabilities, v, wide))


@engines
def test_an_engine_that_multiplies_wrongly_is_not_proved(engine: Engine) -> None:
    def off_by_one(a: object, packed: object, factors: object, out: np.ndarray) -> None:
        engine.product(a, packed, factors, out)
        out[0, 0, 0] += 1

    assert proved(engine)
    assert not proved(replace(engine, product=off_by_one))


def test_the_best_engine_that_passes_is_used_and_none_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_product, "ENGINES", ())
    int8_product.engine.cache_clear()
    try:
        assert int8_product.engine() is None
    finally:
        int8_product.engine.cache_clear()


@pytest.mark.slow
def test_a_processor_without_dot_products_gives_the_same_bits() -> None:
    """Compiled for a generic processor there is no engine, and the golden vectors hold all the same."""
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    text = "from refimpl.fast.int8_product import available; print(len(available()))"
    count = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True)
    assert count.stdout.strip() == "0", count.stderr
    check = subprocess.run([sys.executable, "-m", "refimpl", "vectors", "check"], env=environment,
                           capture_output=True, text=True)  # fmt: skip
    assert check.returncode == 0, check.stdout + check.stderr
