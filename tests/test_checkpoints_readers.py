"""Every checkpoint form yields the tensors that were put in, bit for bit, whatever the file is called."""

from __future__ import annotations

import zipfile
from pathlib import Path

import checkpoints_by_hand as by_hand
import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.checkpoints import read, write_npz
from workbench.checkpoints.dialects import read_name

Tensors = dict[str, np.ndarray]


@pytest.fixture
def tensors() -> Tensors:
    draw = np.random.default_rng(3)
    return {
        "inner.H_init": draw.standard_normal(5).astype(np.float32),
        "inner.q_head.weight": draw.standard_normal((2, 5)).astype(np.float16),
        "inner.q_head.bias": draw.standard_normal(2),
        "inner.codes": draw.integers(-128, 128, (3, 1, 4)).astype(np.int8),
        "inner.ids": draw.integers(-(2**62), 2**62, 3),
        "inner.scalar": np.array(1.5, np.float32),
    }


def assert_same(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert (name, found[name].dtype, found[name].shape) == (name, values.dtype, values.shape)
        assert found[name].tobytes() == values.tobytes(), name


def test_a_torch_zip_is_read_without_torch(tmp_path: Path, tensors: Tensors) -> None:
    by_hand.write_torch_state(tmp_path / "step_100", tensors)
    assert_same(read(tmp_path / "step_100"), tensors)


def test_safetensors_is_read_without_its_package(tmp_path: Path, tensors: Tensors) -> None:
    by_hand.write_safetensors(tmp_path / "x.bin", tensors)
    assert_same(read(tmp_path / "x.bin"), tensors)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_is_read_compressed_or_not(tmp_path: Path, tensors: Tensors, save: object) -> None:
    with (tmp_path / "weights.pt").open("wb") as file:
        save(file, **tensors)  # type: ignore[operator]
    assert_same(read(tmp_path / "weights.pt"), tensors)


def test_npz_in_fortran_order_and_big_endian_is_brought_to_native_c_order(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(tmp_path / "x.npz", a=np.asfortranarray(values), b=values.astype(">f4"))
    assert_same(read(tmp_path / "x.npz"), {"a": values, "b": values})


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "ema"])
def test_tensors_below_a_wrapper_are_named_by_path(tmp_path: Path, tensors: Tensors, wrapper: str) -> None:
    by_hand.write_torch_state(tmp_path / "x.pt", tensors, wrapper)
    assert_same(read(tmp_path / "x.pt"), {f"{wrapper}.{name}": values for name, values in tensors.items()})


def test_torch_views_follow_offset_and_strides(tmp_path: Path) -> None:
    flat = np.arange(12, dtype=np.float32)
    records = {
        "transposed": by_hand.tensor("0", "FloatStorage", 12, 0, (3, 4), (1, 3)),
        "window": by_hand.tensor("0", "FloatStorage", 12, 5, (2, 2), (4, 1)),
        "empty": by_hand.tensor("0", "FloatStorage", 12, 12, (0, 4), (4, 1)),
        "last": by_hand.parameter(by_hand.tensor("0", "FloatStorage", 12, 11, (1,), (10**9,))),
    }
    by_hand.write_torch_zip(tmp_path / "x.pt", by_hand.mapping(records), {"0": flat.tobytes()})
    found = read(tmp_path / "x.pt")
    assert found["transposed"].tolist() == flat.reshape(4, 3).T.tolist()
    assert found["window"].tolist() == [[5, 6], [9, 10]]
    assert found["empty"].shape == (0, 4)
    assert found["last"].tolist() == [11]
    assert all(values.flags.c_contiguous for values in found.values())


def test_bfloat16_becomes_the_float32_of_the_same_value(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 3.140625, 2.0**-130, np.inf], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2")
    by_hand.write_torch_zip(
        tmp_path / "x.pt",
        by_hand.mapping({"a": by_hand.tensor("0", "BFloat16Storage", 5, 0, (5,), (1,))}),
        {"0": upper.tobytes()},
    )
    assert_same(read(tmp_path / "x.pt"), {"a": values})


def test_a_big_endian_torch_file_is_read_as_such(tmp_path: Path) -> None:
    values = np.array([1.0, 2.0, -7.25], np.float32)
    by_hand.write_torch_zip(
        tmp_path / "x.pt",
        by_hand.mapping({"a": by_hand.contiguous("0", values)}),
        {"0": values.astype(">f4").tobytes()},
        "big",
    )
    assert_same(read(tmp_path / "x.pt"), {"a": values})


@pytest.mark.parametrize(
    "saved",
    [
        "_orig_mod.model.inner.H_init",
        "model.inner.H_init",
        "model._orig_mod.inner.H_init",
        "module._orig_mod.model.inner.H_init",
        "inner.H_init",
        "_orig_mod.model.inner._orig_mod.H_init",
    ],
)
def test_wrapper_prefixes_are_stripped(saved: str) -> None:
    read = read_name(saved)
    assert read is not None
    assert read.key == "H_init"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_written_is_read_back_and_the_bytes_are_always_the_same(tmp_path: Path, dtype: str) -> None:
    draw = np.random.default_rng(4)
    tensors = {
        name: draw.standard_normal(shape).astype(dtype)
        for name, shape in [("inner.z", (3, 4)), ("inner.a", (7,)), ("inner.m", (2, 1, 2))]
    }
    write_npz(tmp_path / "one.npz", tensors, dtype)
    write_npz(tmp_path / "two.npz", dict(reversed(tensors.items())), dtype)
    assert_same(read(tmp_path / "one.npz"), dict(sorted(tensors.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.npz") as archive:
        assert {(info.date_time, info.compress_type) for info in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0)
        }


def test_weights_stored_as_bfloat16_keep_eight_significant_bits_and_take_12_bits_each(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(0, 0.05, (256, 300)).astype(np.float32)
    write_npz(tmp_path / "x.npz", {"a": values}, "bfloat16")
    stored = read(tmp_path / "x.npz")["a"].astype(np.float32)
    assert not np.any(stored.view(np.uint32) & 0xFFFF)
    assert np.all(np.abs(stored - values) <= np.abs(values) * 2.0**-8 + 2.0**-25)  # float16 ends at 2^-24
    assert (tmp_path / "x.npz").stat().st_size < values.size * 12.5 / 8


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_npz(path, {"a": np.ones(2)})
    before = path.read_bytes()
    with pytest.raises(
        InputError, match=r"tensor b: 1 values are too large for float16.*70000.*store float32"
    ):
        write_npz(path, {"a": np.zeros(2), "b": np.array([7e4, 1.0])}, "float16")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.npz"]


def test_weights_are_stored_as_float_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stored as float32, float16, bfloat16, not as 'int8'"):
        write_npz(tmp_path / "x.npz", {"a": np.ones(2)}, "int8")
