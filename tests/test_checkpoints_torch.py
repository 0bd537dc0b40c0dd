"""What torch itself saves is read to the bit; these run where torch is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.checkpoints import read
from workbench.checkpoints.reader import open_checkpoint

torch = pytest.importorskip("torch")


def assert_equals_torch(found: dict[str, np.ndarray], expected: dict[str, object]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        wide = values.float() if values.dtype is torch.bfloat16 else values  # type: ignore[attr-defined]
        assert found[name].dtype == wide.numpy().dtype
        assert found[name].tobytes() == wide.contiguous().numpy().tobytes(), name


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
)
def test_every_element_type_and_view_that_torch_saves(tmp_path: Path, dtype: str) -> None:
    base = (100 * torch.randn(6, 8)).to(getattr(torch, dtype))
    views = {
        "whole": base,
        "transposed": base.T,
        "rows": base[1::2],
        "block": base[2:5, 3:7],
        "column": base[:, 5],
        "scalar": base[1, 1],
        "empty": base[:0],
    }
    torch.save(views, tmp_path / "x")
    assert_equals_torch(read(tmp_path / "x"), views)


def test_a_whole_training_checkpoint_of_a_compiled_model(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.LayerNorm(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    state = {f"_orig_mod.model.inner.{name}": values for name, values in model.state_dict().items()}
    torch.save(
        {"model": state, "optimizer": optimizer.state_dict(), "step": 1, "lr": [1e-3]}, tmp_path / "step_1"
    )
    found = read(tmp_path / "step_1")
    of_model = {name: values for name, values in found.items() if name.startswith("model.")}
    assert_equals_torch(of_model, {f"model.{name}": values for name, values in state.items()})
    others = {name.rpartition(".")[2] for name in found.keys() - of_model.keys()}
    assert others == {"step", "exp_avg", "exp_avg_sq"}


def test_a_state_dict_with_its_metadata_and_bare_parameters(tmp_path: Path) -> None:
    model = torch.nn.Linear(5, 3)
    torch.save(model.state_dict(), tmp_path / "state")
    torch.save(dict(model.named_parameters()), tmp_path / "parameters")
    assert_equals_torch(read(tmp_path / "state"), dict(model.state_dict()))
    assert_equals_torch(read(tmp_path / "parameters"), dict(model.state_dict()))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_that_torch_writes(tmp_path: Path, protocol: int) -> None:
    state = torch.nn.Linear(5, 3).state_dict()
    torch.save(state, tmp_path / "x", pickle_protocol=protocol)
    assert_equals_torch(read(tmp_path / "x"), dict(state))


def test_a_whole_module_has_the_names_of_its_state_dict_and_its_classes_are_listed(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    torch.save(model, tmp_path / "x")
    assert_equals_torch(read(tmp_path / "x"), dict(model.state_dict()))
    assert "torch.nn.modules.linear.Linear" in open_checkpoint(tmp_path / "x").placeholders


def test_the_form_before_torch_1_6_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "x", _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="bare pickle"):
        read(tmp_path / "x")


def test_a_sparse_tensor_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "x")
    with pytest.raises(InputError, match=r"no tensors; it names .*torch\._utils\._rebuild_sparse_tensor"):
        read(tmp_path / "x")
