"""A state file is data: what it asks to call is not called, and the refusal is one sentence."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from refimpl.errors import InputError  # noqa: E402
from training.export import export  # noqa: E402
from training.states import KEYS, read_state  # noqa: E402

STATE = dict.fromkeys(KEYS) | {"model": {"w": torch.ones(2)}}


class Calls:
    """Pickled as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    torch.save(
        STATE | {"completed": 7, "curve": [{"step": 1}], "rng": {"state": {"inc": 2**127}}}, tmp_path / "s"
    )
    state = read_state(tmp_path / "s")
    assert (state["completed"], state["rng"]["state"]["inc"]) == (7, 2**127)
    assert torch.equal(state["model"]["w"], torch.ones(2))


@pytest.mark.parametrize("where", ["model", "recipe", "curve", "extra"])
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_a_call_in_a_state_file_is_refused_and_not_made(tmp_path: Path, where: str, form: str) -> None:
    victim = tmp_path / "victim"
    path = tmp_path / "state-0.pt"
    for function, arguments in ((Path.touch, (victim,)), (eval, (f"open({str(victim)!r}, 'w')",))):
        crafted = STATE | {where: Calls(function, *arguments)}
        if form == "pickle":
            path.write_bytes(pickle.dumps(crafted))
        else:
            torch.save(crafted, path, _use_new_zipfile_serialization=form == "zip")
        for read in (lambda: read_state(path), lambda: export(tmp_path, tmp_path / "out")):
            with pytest.raises(InputError, match="is no state of a training run") as said:
                read()
            assert "\n" not in str(said.value)
        assert not victim.exists()


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x80\x04.", bytes(100)])
def test_what_is_no_state_file_is_one_sentence(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "s").write_bytes(raw)
    with pytest.raises(InputError, match="is no state of a training run"):
        read_state(tmp_path / "s")


def test_a_state_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    torch.save({k: v for k, v in STATE.items() if k != "ema"}, tmp_path / "s")
    with pytest.raises(InputError, match="it must hold completed"):
        read_state(tmp_path / "s")
