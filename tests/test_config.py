"""A configuration is read with the official defaults, or refused at once with the field at fault."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from refimpl.errors import InputError
from workbench.limits import LIMITS, beyond
from workbench.model_config import model_config
from workbench.presets import PRESETS

SRC = Path(__file__).resolve().parents[1] / "firmware" / "src"
OFFICIAL: dict[str, Any] = {
    "model": "TinyRecursiveReasoningModel_ACTV1", "seq_len": 81, "vocab_size": 11, "hidden_size": 64,
    "num_heads": 4, "L_layers": 2, "H_layers": 0, "H_cycles": 2, "L_cycles": 2, "halt_max_steps": 2,
    "expansion": 1, "pos_encodings": "rope", "mlp_t": False, "puzzle_emb_ndim": 64, "puzzle_emb_len": 16,
    "num_puzzle_identifiers": 1,
}  # fmt: skip


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in OFFICIAL.items() if key not in names}


def test_a_trm_without_a_stated_prefix_has_the_16_positions_of_the_official_class() -> None:
    config = model_config(without("puzzle_emb_len"))
    assert (config.puzzle_emb_len, config.positions) == (16, 97)


def test_a_prefix_of_0_and_that_of_an_hrm_are_as_many_positions_as_the_row_fills() -> None:
    assert model_config(OFFICIAL | {"puzzle_emb_len": 0}).positions == 82
    hrm = without("puzzle_emb_len") | {"model": "HierarchicalReasoningModel_ACTV1", "H_layers": 2}
    assert model_config(hrm).positions == 82


def test_settings_under_arch_are_those_of_the_flat_form() -> None:
    arch = without("model", "seq_len", "vocab_size") | {"name": f"recursive.trm@{OFFICIAL['model']}"}
    nested = {"arch": arch, "global_batch_size": 768, "seq_len": 81, "vocab_size": 11}
    assert model_config(nested) == model_config(OFFICIAL)


def test_learned_positions_of_an_mlp_mixer_are_kept() -> None:
    for stated, read in (("learned", "learned"), ("rope", "none")):
        config = model_config(OFFICIAL | {"mlp_t": True, "pos_encodings": stated})
        assert config.pos_encodings == read


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"L_cycles": 2.5}, "L_cycles is 2.5; it must be a whole number"),
        ({"H_cycles": 0}, "H_cycles is 0"),
        ({"halt_max_steps": 10**9}, "halt_max_steps is 1000000000; it must be a whole number from 1 to"),
        ({"hidden_size": 64.0}, "hidden_size is 64.0"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"seq_len": 10**9}, "seq_len is 1000000000"),
        ({"seq_len": "81"}, "seq_len is '81'"),
        ({"num_heads": 0}, "num_heads is 0"),
        ({"num_heads": 5}, "not a multiple of num_heads 5"),
        ({"num_heads": 64}, "heads of 1; RoPE turns pairs"),
        ({"hidden_size": 66, "num_heads": 22, "puzzle_emb_ndim": 66}, "heads of 3; RoPE turns pairs"),
        ({"L_layers": -1}, "L_layers is -1"),
        ({"rope_theta": 0}, "rope_theta is 0"),
        ({"rope_theta": float("nan")}, "rope_theta is nan"),
        ({"rope_theta": float("inf")}, "rope_theta is inf"),
        ({"rms_norm_eps": -1.0}, "rms_norm_eps is -1.0"),
        ({"rms_norm_eps": 0.0}, "rms_norm_eps is 0.0"),
        ({"rms_norm_eps": "1e-5"}, "rms_norm_eps is '1e-5'"),
        ({"puzzle_emb_len": -4}, "puzzle_emb_len is -4; it must be a whole number from 0"),
        ({"puzzle_emb_len": 1.5}, "puzzle_emb_len is 1.5"),
        ({"puzzle_emb_ndim": 128}, "puzzle_emb_ndim 128 is wider than hidden_size 64"),
        ({"puzzle_emb_ndim": 0}, "without puzzle rows there is no prefix"),
        ({"puzzle_emb_ndim": "64"}, "puzzle_emb_ndim is '64'"),
        ({"expansion": 0}, "expansion is 0"),
        ({"expansion": "4"}, "expansion is '4'"),
        ({"pos_encodings": "alibi"}, "pos_encodings is 'alibi'; it must be one of none, rope, learned"),
        ({"pos_encodings": ["rope"]}, "pos_encodings is"),
        ({"mlp_t": "yes"}, "mlp_t is 'yes'; it must be true or false"),
        ({"mlp_t": 1}, "mlp_t is 1"),
        ({"task": 3}, "task is 3"),
        ({"num_puzzle_identifiers": 0}, "num_puzzle_identifiers is 0"),
        ({"model": "HierarchicalReasoningModel_ACTV1"}, "H_layers must be positive for an HRM"),
        ({"model": "Llama"}, "unknown model 'Llama'"),
        ({"model": "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1"}, "another recursion"),
        ({"model": {"name": "trm"}}, "unknown model"),
        ({"arch": 3}, "arch is 3"),
    ],
)  # fmt: skip
def test_a_field_out_of_its_range_is_named_in_the_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        model_config(OFFICIAL | change)


def test_missing_fields_are_listed_together_and_a_misspelling_is_suggested() -> None:
    with pytest.raises(InputError, match="seq_len, vocab_size are missing"):
        model_config(without("seq_len", "vocab_size"))
    with pytest.raises(InputError, match=r"L_cycles is missing \(is 'L_cycle' meant for 'L_cycles'\?\)"):
        model_config(without("L_cycles") | {"L_cycle": 2})


def test_limits_of_the_c_port_are_those_of_its_sources() -> None:
    text = "".join(path.read_text() for path in sorted(SRC.glob("*.[ch]")))
    stated = {name: int(value) for name, value in re.findall(r"(RR_MAX_\w+)(?: = | )(\d+)", text)}
    names = ("RR_MAX_NORM_SIZE", "RR_MAX_KEYS", "RR_MAX_LAYERS", "RR_MAX_K", "RR_MAX_SIZE")
    assert [limit.most for limit in LIMITS] == [stated[name] for name in names]


def test_every_published_model_of_attention_or_of_97_positions_runs_in_c() -> None:
    # The ARC table of 50,911 rows is streamed; an image holds one row of it.
    one_row = {name: replace(config, num_puzzle_identifiers=1) for name, config in PRESETS.items()}
    assert {name: beyond(config, "C") for name, config in one_row.items()} == dict.fromkeys(PRESETS, ())


def test_a_network_beyond_a_limit_is_told_which_and_of_which_program() -> None:
    config = model_config(OFFICIAL | {"L_layers": 5})
    assert beyond(config, "integer") == ()
    assert beyond(config, "C") == ("the layers of a stack is 5, at most 4 (RR_MAX_LAYERS of rr_model.h)",)
    wide = model_config(OFFICIAL | {"hidden_size": 1024})
    assert any("normalised row is 1,024, at most 1,023" in clause for clause in beyond(wide, "integer"))
