"""What the CMSIS-NN route compiles: every kernel, no float source; a sentence for a folder without them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "firmware" / "cmsis_nn"))

import build as cmsis_nn

from workbench.certify.port import read_port

FOLDER = Path(cmsis_nn.__file__).parent


def checkout(folder: Path, kernels: tuple[str, ...]) -> Path:
    names = [f"Source/Kernels/{name}.c" for name in kernels]
    shared = [f"Source/NNSupportFunctions/arm_nn_{name}.c" for name in ("tables", "mat_f32", "lstm_step_s8")]
    for name in (*names, *shared, "Source/Kernels/arm_softmax_f16.c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_float_and_lstm_sources_are_left_out(tmp_path: Path) -> None:
    found = {path.stem for path in cmsis_nn.sources(checkout(tmp_path, cmsis_nn.KERNELS))}
    assert found == {*cmsis_nn.KERNELS, "arm_nn_tables"}


def test_a_folder_without_a_kernel_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="arm_softmax_s8_s16"):
        cmsis_nn.sources(checkout(tmp_path, cmsis_nn.KERNELS[:3]))


def test_the_port_declares_what_the_adapter_has() -> None:
    defined = set(re.findall(r"^int32_t rr_(\w+)\(", (FOLDER / "adapter.c").read_text(), re.M))
    port = read_port(FOLDER / "port.toml", ())
    assert set(port.operators) == defined
    assert port.rules == ("double",)
