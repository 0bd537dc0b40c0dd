"""Networks are found by name or path, checked on loading, and taken from any form."""

from __future__ import annotations

import json
from pathlib import Path

import checkpoints_by_hand as by_hand
import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.checkpoints import expected_tensors, list_networks, load_network, read
from workbench.model_config import model_config

PARITY = Path(__file__).parent / "data" / "parity"
SHIPPED = {
    "sudoku9-mlp": 258_626,
    "sudoku9-att": 231_266,
    "sudoku9-mlp-adamw12": 258_626,
    "sudoku6-mlp": 169_922,
}
Tensors = dict[str, np.ndarray]


def official(name: str = "trm_att") -> tuple[dict[str, object], Tensors]:
    """Training configuration and weights as the official code has them."""
    with np.load(PARITY / f"{name}.npz") as case:
        weights = {
            key.removeprefix("weights/"): case[key] for key in case.files if key.startswith("weights/")
        }
        return json.loads(bytes(case["config_json"])), weights


@pytest.fixture
def training_run(tmp_path: Path) -> Path:
    """A folder as a training run leaves it: ``step_9`` with wrapped names and the configuration beside it."""
    config, weights = official()
    folder = tmp_path / "run"
    folder.mkdir()
    by_hand.write_torch_state(
        folder / "step_9", {f"_orig_mod.model.{name}": v for name, v in weights.items()}
    )
    (folder / "config.json").write_text(json.dumps({**config, "num_puzzle_identifiers": 1}))
    return folder


def test_the_first_four_networks_ship() -> None:
    assert set(list_networks()) >= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_is_complete_and_float32(name: str) -> None:
    config, tensors = load_network(name)
    assert {key: values.shape for key, values in tensors.items()} == expected_tensors(config)
    assert {values.dtype for values in tensors.values()} == {np.dtype(np.float32)}
    counted = {key: values.size for key, values in tensors.items() if not key.endswith("_init")}
    assert sum(counted.values()) == SHIPPED[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_is_the_trained_one_rounded_to_float16(name: str, shared_dir: Path) -> None:
    trained = read(shared_dir / "checkpoints" / name / "weights.npz")
    shipped = load_network(name)[1]
    assert shipped.keys() == trained.keys()
    for key, values in trained.items():
        assert np.array_equal(shipped[key], values.astype(np.float16).astype(np.float32)), key


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_configuration_says_where_the_network_comes_from(name: str) -> None:
    import workbench

    path = Path(workbench.__file__).parent / "data" / "networks" / name / "config.json"
    raw = json.loads(path.read_text())
    assert raw["source"].startswith(
        "trained by this project from random weights on its own generated puzzles"
    )
    assert raw["parameters"] == SHIPPED[name]
    assert model_config(raw) == load_network(name)[0]


def test_an_unknown_name_gets_the_nearest_one_suggested() -> None:
    with pytest.raises(InputError, match=r"no network 'sudoku9-mpl'; did you mean 'sudoku9-mlp'\?"):
        load_network("sudoku9-mpl")


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere/net cannot be read: No such file"):
        load_network("nowhere/net")


def test_a_checkpoint_loads_from_its_file_with_the_configuration_beside_it(training_run: Path) -> None:
    config, tensors = load_network(training_run / "step_9")
    weights = official()[1]
    assert tensors.keys() == weights.keys()
    assert all(np.array_equal(tensors[name], weights[name]) for name in weights)
    assert config.num_puzzle_identifiers == 5  # the rows it has, whatever its configuration said
    assert (config.family, config.puzzle_emb_len, config.H_cycles) == ("trm", 4, 2)


def test_a_folder_without_weights_or_configuration_is_named(training_run: Path) -> None:
    with pytest.raises(InputError, match=r"has no weights\.npz; `python -m refimpl import"):
        load_network(training_run)
    (training_run / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json cannot be read: No such file"):
        load_network(training_run / "step_9")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"hidden_size": 64}', "seq_len, .* are missing"),
    ],
)
def test_a_damaged_configuration_is_refused(training_run: Path, text: str, sentence: str) -> None:
    (training_run / "config.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_network(training_run / "step_9")
