"""Runs and checkpoints of other code are taken over exactly, the mapping said, or get their own sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints_by_hand as by_hand
import numpy as np
import pytest

from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.checkpoints import load_network
from workbench.checkpoints.importing import read_run
from workbench.checkpoints.settings import parse_overrides, read_settings

PARITY = Path(__file__).parent / "data" / "parity"
Tensors = dict[str, np.ndarray]
Settings = dict[str, Any]


def official(name: str) -> tuple[Settings, Tensors]:
    """Settings and weights as the official code has them."""
    with np.load(PARITY / f"{name}.npz") as case:
        weights = {
            key.removeprefix("weights/"): case[key] for key in case.files if key.startswith("weights/")
        }
        return json.loads(bytes(case["config_json"])), weights


ATT, MLP, HRM = (official(name) for name in ("trm_att", "trm_mlp", "hrm"))


def renamed(tensors: Tensors, *pairs: tuple[str, str]) -> Tensors:
    """Every name with each regular expression replaced."""
    found = {}
    for name, values in tensors.items():
        for pattern, text in pairs:
            name = re.sub(pattern, text, name)
        found[name] = values
    return found


def split(tensors: Tensors, word: str, parts: tuple[str, ...]) -> Tensors:
    """A fused linear saved as several."""
    found: Tensors = {}
    for name, values in tensors.items():
        if f".{word}." in name:
            for part, piece in zip(parts, np.split(values, len(parts)), strict=True):
                found[name.replace(f".{word}.", f".{part}.")] = piece
        else:
            found[name] = values
    return found


def qkv(tensors: Tensors, *parts: str) -> Tensors:
    return split(tensors, "qkv_proj", parts)


def gate_up(tensors: Tensors, *parts: str) -> Tensors:
    return split(tensors, "gate_up_proj", parts)


def prefixed(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {f"{prefix}{name}": values for name, values in tensors.items()}


def no_inner(tensors: Tensors) -> Tensors:
    return renamed(tensors, (r"^inner\.", ""))


def turned(tensors: Tensors) -> Tensors:
    linear = re.compile(r"(proj|head|w[qkv])\.weight$")
    return {k: np.ascontiguousarray(v.T) if linear.search(k) else v for k, v in tensors.items()}


LLAMA = ((r"gate_proj", "w1"), (r"up_proj", "w3"), (r"down_proj", "w2"))
DIALECTS: dict[str, Callable[[Tensors], Tensors]] = {
    "as the official code saves it": prefixed("_orig_mod.model."),
    "below its loss head": prefixed("model."),
    "plain": lambda t: t,
    "without inner": no_inner,
    "data parallel": prefixed("module."),
    "compiled inside": lambda t: renamed(t, (r"^inner\.", "model._orig_mod.inner._orig_mod.")),
    "lightning": prefixed("net."),
    "lightning without inner": lambda t: prefixed("net.")(no_inner(t)),
    "trm.": prefixed("trm."),
    "moving average": prefixed("ema_model."),
    "shadow": prefixed("shadow."),
    "averaged model": lambda t: {**prefixed("module.")(t), "n_averaged": np.array(7)},
    "seven wrappers": prefixed("a.b.c.d.e.f.g."),
    "split queries": lambda t: qkv(t, "q_proj", "k_proj", "v_proj"),
    "split as wq": lambda t: qkv(t, "wq", "wk", "wv"),
    "split as query": lambda t: qkv(t, "query", "key", "value"),
    "split gates": lambda t: gate_up(t, "gate_proj", "up_proj"),
    "llama words": lambda t: renamed(gate_up(t, "gate_proj", "up_proj"), *LLAMA),
    "w1 gate, w2 up, w3 down": lambda t: renamed(gate_up(t, "w1", "w2"), (r"down_proj", "w3")),
    "w12 and w3": lambda t: renamed(t, (r"gate_up_proj", "w12"), (r"down_proj", "w3")),
    "blocks": lambda t: renamed(t, (r"\.layers\.", ".blocks.")),
    "no word for layers": lambda t: renamed(t, (r"\.layers\.", ".")),
    "attention words": lambda t: renamed(t, (r"self_attn", "attention"), (r"o_proj", "out_proj")),
    "torch attention": lambda t: renamed(t, (r"qkv_proj\.weight", "in_proj_weight"), (r"o_proj", "out_proj")),
    "gpt words": lambda t: renamed(t, (r"embed_tokens\.embedding_w", "wte.w"), (r"qkv_proj", "c_attn")),
    "tok_emb": lambda t: renamed(t, (r"embed_tokens\.embedding_weight", "tok_emb.weight")),
    "feed_forward": lambda t: renamed(t, (r"\.mlp\.", ".feed_forward.")),
    "other heads": lambda t: renamed(t, (r"lm_head", "output_head"), (r"q_head", "halt_head")),
    "heads outside": lambda t: renamed(t, (r"^inner\.(lm_head|q_head)", r"\1"), (r"^inner", "model.inner")),
    "puzzle_embedding": lambda t: renamed(t, (r"puzzle_emb\.weights", "puzzle_embedding.weight")),
    "initial states with axes": lambda t: {
        k: v.reshape(1, 1, -1) if k.endswith("_init") else v for k, v in t.items()
    },
    "z_H_init": lambda t: renamed(t, (r"H_init", "z_H_init"), (r"L_init", "z_L_init")),
    "rotary buffers": lambda t: {**t, "inner.rotary_emb.cos_cached": np.ones((9, 8), np.float32),
                                 "inner.rotary_emb.inv_freq": np.ones(8, np.float32)},
    "puzzle buffers": lambda t: {**t, "inner.puzzle_emb.local_weights": np.ones((3, 64), np.float32),
                                 "inner.puzzle_emb.local_ids": np.ones(3, np.int32)},
    "biases of zeros": lambda t: {**t, "inner.L_level.layers.0.mlp.down_proj.bias": np.zeros(64, np.float32)},
    "gains of ones": lambda t: {**t, "inner.L_level.layers.0.norm1.weight": np.ones(64, np.float32)},
    "double": lambda t: {k: v.astype(np.float64) for k, v in t.items()},
    "saved (in, out)": lambda t: turned(t),
    "saved (in, out) and split": lambda t: turned(gate_up(qkv(t, "wq", "wk", "wv"), "gate_proj", "up_proj")),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("settings", "tensors"), [ATT, MLP, HRM], ids=["att", "mlp", "hrm"])
def test_every_dialect_yields_the_very_weights(
    tmp_path: Path, settings: Settings, tensors: Tensors, dialect: str
) -> None:
    by_hand.write_torch_state(tmp_path / "step_9", DIALECTS[dialect](tensors))
    (tmp_path / "config.json").write_text(json.dumps(settings))
    found = read_run(tmp_path)
    assert found.tensors.keys() == tensors.keys()
    for name, values in tensors.items():
        assert np.array_equal(found.tensors[name], values), name
    moved = {name for name in DIALECTS[dialect](tensors) if name not in tensors}
    spoken = set(found.renamed) | set(re.findall(r"[\w.]+", " ".join(found.remarks)))
    assert moved <= spoken


def test_half_and_bfloat16_are_read_as_the_values_they_are(tmp_path: Path) -> None:
    settings, tensors = ATT
    (tmp_path / "config.json").write_text(json.dumps(settings))
    by_hand.write_torch_state(tmp_path / "half.pt", {k: v.astype(np.float16) for k, v in tensors.items()})
    found = read_run(tmp_path / "half.pt").tensors
    assert all(np.array_equal(found[k], v.astype(np.float16)) for k, v in tensors.items())
    upper = {k: (np.ascontiguousarray(v).view(np.uint32) >> 16).astype("<u2") for k, v in tensors.items()}
    records = {k: by_hand.contiguous(str(i), v.view(np.int16)) for i, (k, v) in enumerate(upper.items())}
    pickle = by_hand.mapping(records).replace(b"ShortStorage", b"BFloat16Storage")
    by_hand.write_torch_zip(
        tmp_path / "bf16.pt", pickle, {str(i): v.tobytes() for i, v in enumerate(upper.values())}
    )
    found = read_run(tmp_path / "bf16.pt").tensors
    for key, bits in upper.items():
        assert np.array_equal(
            found[key], (bits.astype(np.uint32) << 16).view(np.float32).reshape(bits.shape)
        ), key


ALL_CONFIG = """
arch:
  H_cycles: {H_cycles}
  H_layers: 0
  L_cycles: {L_cycles}
  L_layers: {L_layers}
  expansion: 4
  forward_dtype: bfloat16
  halt_exploration_prob: 0.1
  halt_max_steps: {halt_max_steps}
  hidden_size: {hidden_size}
  loss:
    loss_type: stablemax_cross_entropy
    name: losses@ACTLossHead
  mlp_t: false
  name: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1
  num_heads: {num_heads}
  pos_encodings: rope
  puzzle_emb_len: {puzzle_emb_len}
  puzzle_emb_ndim: ${{.hidden_size}}
  rms_norm_eps: 1e-5
checkpoint_path: !!python/object/apply:pathlib.PosixPath
- checkpoints
- run
betas: !!python/tuple
- 0.9
- 0.95
data_paths:
- data/sudoku-tiny
ema: true
global_batch_size: 768
"""


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """What the official training leaves: two steps, all_config.yaml by hydra, the data elsewhere."""
    settings, tensors = ATT
    folder = tmp_path / "checkpoints" / "project" / "run"
    folder.mkdir(parents=True)
    saved = prefixed("_orig_mod.model.")(tensors)
    by_hand.write_torch_state(folder / "step_99", {k: v * 0 for k, v in saved.items()})
    by_hand.write_torch_state(folder / "step_1000", saved)
    (folder / "all_config.yaml").write_text(ALL_CONFIG.format(**settings))
    data = tmp_path / "data" / "sudoku-tiny" / "test"
    data.mkdir(parents=True)
    described = {
        "seq_len": settings["seq_len"],
        "vocab_size": 7,
        "num_puzzle_identifiers": 5,
        "sets": ["all"],
    }
    (data / "dataset.json").write_text(json.dumps(described))
    return folder


def test_an_official_training_folder_becomes_a_network(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mine"
    assert main(["import", str(run_folder), str(target)]) == 0
    said = capsys.readouterr().out
    config, tensors = load_network(target)
    settings, weights = ATT
    assert all(np.array_equal(tensors[key], values) for key, values in weights.items())
    assert (config.seq_len, config.vocab_size, config.task) == (settings["seq_len"], 7, "sudoku")
    assert config.rms_norm_eps == 1e-5
    assert "_orig_mod.model.inner.H_init -> inner.H_init" in said
    assert "step_1000 is the last of 2 checkpoints" in said
    assert "unverified, since no shape depends on them: num_heads" in said
    assert "dataset.json" in said


def test_settings_above_all_files_are_set_one_by_one(run_folder: Path) -> None:
    found = read_run(run_folder, overrides=parse_overrides(["num_heads=2", "task=maze", "rope_theta=41.5"]))
    assert (found.config.num_heads, found.config.task, found.config.rope_theta) == (2, "maze", 41.5)


def two_states(path: Path, ema: str, lacks: tuple[str, ...] = ()) -> Tensors:
    _, tensors = ATT
    average = {k: v + 1 for k, v in tensors.items() if not k.endswith(lacks or ("never",))}
    arrays = {f"model.{k}": v for k, v in tensors.items()} | {f"{ema}.{k}": v for k, v in average.items()}
    by_hand.write_torch_state(path, arrays)
    return average


@pytest.mark.parametrize("ema", ["ema", "ema_model", "ema.shadow", "shadow"])
def test_between_weights_and_their_average_the_user_chooses_by_the_flag_printed(
    tmp_path: Path, ema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    average = two_states(tmp_path / "step_9", ema)
    (tmp_path / "config.json").write_text(json.dumps(ATT[0]))
    command = ["import", str(tmp_path), str(tmp_path / "net")]
    assert main(command) == 2
    flags = re.findall(r"--state (\S+?)(?: or|\.\n)", capsys.readouterr().err)
    assert flags == ["model", ema.split(".")[0]]
    for flag, expected in zip(flags, (ATT[1], average), strict=True):
        assert main([*command, "--state", flag]) == 0
        found = load_network(tmp_path / "net")[1]
        assert all(np.array_equal(found[key], values) for key, values in expected.items())
    assert main([*command, "--state", "swa"]) == 2
    assert "no single set of weights under 'swa'" in capsys.readouterr().err


def test_an_average_of_parameters_alone_takes_the_rest_from_the_weights(tmp_path: Path) -> None:
    average = two_states(tmp_path / "step_9", "ema", ("_init", "puzzle_emb.weights"))
    (tmp_path / "config.json").write_text(json.dumps(ATT[0]))
    found = read_run(tmp_path, state="ema")
    assert all(np.array_equal(found.tensors[key], values) for key, values in average.items())
    assert np.array_equal(found.tensors["inner.H_init"], ATT[1]["inner.H_init"])
    assert "inner.H_init, inner.L_init, inner.puzzle_emb.weights are not in ema.inner" in " ".join(
        found.remarks
    )


def test_sharded_and_hugging_face_folders_are_read(tmp_path: Path) -> None:
    settings, tensors = ATT
    names = list(tensors)
    shards = {"model-00001-of-00002.safetensors": names[:7], "model-00002-of-00002.safetensors": names[7:]}
    for file, keys in shards.items():
        by_hand.write_safetensors(tmp_path / file, {key: tensors[key] for key in keys})
    index = {"metadata": {}, "weight_map": {key: file for file, keys in shards.items() for key in keys}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "config.json").write_text(json.dumps({**settings, "architectures": ["TRM"]}))
    found = read_run(tmp_path)
    assert all(np.array_equal(found.tensors[key], values) for key, values in tensors.items())
    index["weight_map"][names[0]] = "../" + next(iter(shards))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="parts lie beside the index"):
        read_run(tmp_path)


def test_without_settings_what_shapes_show_is_taken_and_the_rest_asked_for_by_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for (settings, tensors), asked in ((MLP, 4), (ATT, 6)):
        path, target = tmp_path / f"x{asked}.npz", tmp_path / f"net{asked}"
        np.savez(path, **tensors)
        assert main(["import", str(path), str(target)]) == 2
        flags = re.findall(r"--set (\w+)=", capsys.readouterr().err)
        assert len(flags) >= asked
        assert not target.exists()
        values = [word for key in flags for word in ("--set", f"{key}={settings[key]}")]
        assert main(["import", str(path), str(target), *values]) == 0
        config, found = load_network(target)
        assert all(np.array_equal(found[key], tensors[key]) for key in tensors)
        for key in ("hidden_size", "vocab_size", "L_layers", "seq_len", "puzzle_emb_len"):
            assert getattr(config, key) == settings[key]


def test_narrow_puzzle_rows_are_padded_as_the_model_does(tmp_path: Path) -> None:
    settings, tensors = ATT
    narrow = {**tensors, "inner.puzzle_emb.weights": tensors["inner.puzzle_emb.weights"][:, :40]}
    by_hand.write_torch_state(tmp_path / "step_1", narrow)
    (tmp_path / "config.json").write_text(json.dumps({**settings, "puzzle_emb_ndim": 40}))
    rows = read_run(tmp_path).tensors["inner.puzzle_emb.weights"]
    assert np.array_equal(rows[:, :40], narrow["inner.puzzle_emb.weights"])
    assert not rows[:, 40:].any()


def changed(**changes: Any) -> Callable[[Settings, Tensors], tuple[Settings, Tensors]]:
    return lambda settings, tensors: ({**settings, **changes}, tensors)


def without_setting(name: str) -> Callable[[Settings, Tensors], tuple[Settings, Tensors]]:
    return lambda settings, tensors: ({k: v for k, v in settings.items() if k != name}, tensors)


def with_tensor(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Settings, Tensors], Any]:
    return lambda settings, tensors: (settings, {**tensors, name: change(tensors.get(name, np.ones((3, 3))))})


def without_tensor(pattern: str) -> Callable[[Settings, Tensors], tuple[Settings, Tensors]]:
    return lambda settings, tensors: (
        settings,
        {k: v for k, v in tensors.items() if not re.search(pattern, k)},
    )


DOWN, HEAD = "inner.L_level.layers.0.mlp.down_proj.weight", "inner.lm_head.weight"
REFUSED: dict[str, tuple[Callable[[Settings, Tensors], Any], str]] = {
    "another hidden size": (changed(hidden_size=128), "expected (128,)"),
    "heads that do not divide": (changed(num_heads=5), "not a multiple of num_heads 5"),
    "heads of one value": (changed(num_heads=64), "RoPE turns pairs"),
    "half a cycle": (changed(H_cycles=2.5), "H_cycles is 2.5"),
    "cycles as text": (changed(L_cycles="3"), "L_cycles is '3'"),
    "no steps": (changed(halt_max_steps=0), "halt_max_steps is 0"),
    "a layer too many": (changed(L_layers=3), "missing inner.L_level.layers.2"),
    "a layer too few": (changed(L_layers=1), "unknown inner.L_level.layers.1"),
    "another vocabulary": (changed(vocab_size=8), "has shape (7, 64), expected (8, 64)"),
    "another expansion": (changed(expansion=8), "gate_up_proj.weight has shape"),
    "theta 0": (changed(rope_theta=0), "rope_theta is 0"),
    "a negative eps": (changed(rms_norm_eps=-1e-5), "rms_norm_eps is -1e-05"),
    "a negative prefix": (changed(puzzle_emb_len=-4), "puzzle_emb_len is -4"),
    "no prefix at all": (changed(puzzle_emb_len=0, puzzle_emb_ndim=0), "unknown inner.puzzle_emb.weights"),
    "the other mixer": (changed(mlp_t=True), "missing inner.L_level.layers.0.mlp_t.gate_up_proj.weight"),
    "the other family": (changed(model="HierarchicalReasoningModel_ACTV1", H_layers=2), "missing "
                                                                                        "inner.H_level"),
    "learned positions": (changed(pos_encodings="learned"), "missing inner.embed_pos"),
    "unknown positions": (changed(pos_encodings="alibi"), "pos_encodings is 'alibi'"),
    "another class": (changed(model="transformers_baseline@Model_ACTV2"), "computes another recursion"),
    "a class of one state": (changed(model="trm_singlez@TinyRecursiveReasoningModel_ACTV1"), "another "
                                                                                             "recursion"),
    "no seq_len": (without_setting("seq_len"), "--set seq_len=N"),
    "no heads": (without_setting("num_heads"), "--set num_heads=N"),
    "no cycles": (without_setting("H_cycles"), "--set H_cycles=N"),
    "no steps stated": (without_setting("halt_max_steps"), "--set halt_max_steps=N"),
    "a head cut": (with_tensor(HEAD, lambda v: v[:, :-1]), "has shape (7, 63), expected (7, 64)"),
    "a head of integers": (with_tensor(HEAD, lambda v: v.astype(np.int32)), "has dtype int32"),
    "a head of NaN": (with_tensor(HEAD, lambda v: v * np.float32("nan")), "NaN or infinite"),
    "a head beyond float32": (with_tensor(HEAD, lambda v: v.astype(np.float64) * 1e300), "NaN or infinite"),
    "one linear turned": (with_tensor(DOWN, lambda v: np.ascontiguousarray(v.T)), "down_proj.weight has "
                                                                                  "shape"),
    "one linear flat": (with_tensor(DOWN, lambda v: v.reshape(-1)), "down_proj.weight has shape"),
    "no head": (without_tensor("lm_head"), "missing inner.lm_head.weight"),
    "no halting head": (without_tensor("q_head"), "missing inner.q_head.weight, inner.q_head.bias"),
    "no initial state": (without_tensor("_init"), "missing inner.H_init, inner.L_init"),
    "no embedding": (without_tensor("embed_tokens"), "missing inner.embed_tokens.embedding_weight"),
    "no layers": (without_tensor("_level"), "no tensor of a TRM or HRM"),
    "half a layer": (without_tensor("layers.1.mlp"), "missing inner.L_level.layers.1.mlp"),
    "a bias that counts": (with_tensor(DOWN.replace("weight", "bias"), lambda v: np.full(64, 0.5)),
                           "is no part of a TRM or HRM"),
    "a gain that counts": (with_tensor("inner.L_level.layers.0.norm1.weight", lambda v: np.full(64, 1.5)),
                           "is no part of a TRM or HRM"),
    "an adapter": (with_tensor("inner.L_level.layers.0.mlp.lora_A.weight", lambda v: np.full((2, 64), 0.5)),
                   "is no part of a TRM or HRM"),
    "a name twice": (with_tensor("inner.embed_tokens.weight", lambda v: np.zeros((7, 64), np.float32)),
                     "both mean"),
    "queries without keys": (lambda s, t: (s, {k: v for k, v in qkv(t, "q_proj", "k_proj", "v_proj").items()
                                              if "k_proj" not in k}), "is made of 3 parts"),
    "gate without up": (lambda s, t: (s, {k: v for k, v in gate_up(t, "w1", "w3").items() if "w3" not in k}),
                        "is made of 2 parts"),
    "a vision model": (lambda s, t: (s, {"conv1.weight": np.ones((3, 3)), "fc.weight": np.ones((2, 2))}),
                       "holds no tensor of a TRM or HRM by any name known here; it holds conv1.weight, "
                       "fc.weight"),
    "an empty state": (lambda s, t: (s, {}), "holds no tensors"),
    "settings of a list": (lambda s, t: ([s], t), "must be a mapping"),
    "arch of a number": (lambda s, t: ({"arch": 3}, t), "arch is 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_every_nearly_right_run_gets_its_own_sentence_and_leaves_nothing(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, sentence = REFUSED[case]
    settings, tensors = change(*ATT)
    (tmp_path / "run").mkdir()
    by_hand.write_torch_state(tmp_path / "run" / "step_9", tensors) if tensors else np.savez(
        tmp_path / "run" / "x.npz"
    )
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
    assert main(["import", str(tmp_path / "run"), str(tmp_path / "net")]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "net").exists()


def test_refusals_and_dialects_are_at_least_sixty() -> None:
    assert len(DIALECTS) + len(REFUSED) >= 80
    assert len({sentence for _, sentence in REFUSED.values()}) >= 30


@pytest.mark.parametrize(("text", "sentence"), [
    ("arch: [", "not valid YAML"),
    ("- 1\n- 2\n", "must be a mapping"),
    ("1: 2\n", "must be a mapping"),
    ("a: &a [1]\n" + "b: [" + "*a, " * 1001 + "*a]\n", "over 1,000 aliases"),
    ("a: ${.b}\nb: ${.a}\n", "refer to themselves"),
    ("a: !!python/object/apply:os.system ['touch x']\nb: !unknown 3\n", "not valid YAML"),
    ("\ta: 1\n", "not valid YAML"),
    ("a: " + "[" * 3000, "not valid YAML"),
    ("{", "not valid JSON"),
])  # fmt: skip
def test_damaged_settings_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "all_config.yaml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_settings(tmp_path / "all_config.yaml")
    assert not (tmp_path / "x").exists()


def test_python_objects_in_yaml_are_plain_content_and_nothing_is_called(tmp_path: Path) -> None:
    text = f"a: !!python/object/apply:os.system ['touch {tmp_path}/x']\nb: !!python/tuple [1, 2]\nc: 1e-5\n"
    (tmp_path / "all_config.yaml").write_text(text)
    assert read_settings(tmp_path / "all_config.yaml") == {
        "a": [f"touch {tmp_path}/x"],
        "b": [1, 2],
        "c": 1e-5,
    }
    assert not (tmp_path / "x").exists()


def test_overrides_are_typed_and_misspelt_ones_suggested() -> None:
    assert parse_overrides(["mlp_t=false", "num_heads=8", "rms_norm_eps=1e-6", "task=maze"]) == {
        "mlp_t": False, "num_heads": 8, "rms_norm_eps": 1e-6, "task": "maze"}  # fmt: skip
    for word, sentence in (("num_head=8", "did you mean 'num_heads'"), ("8", "no NAME=VALUE")):
        with pytest.raises(InputError, match=sentence):
            parse_overrides([word])


def test_places_without_a_checkpoint_and_names_that_ship_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.pt").write_bytes(b"x")
    (tmp_path / "two" / "b.pt").write_bytes(b"x")
    for arguments, sentence in (
        ((tmp_path / "absent", "net"), "there is no file or folder"),
        ((tmp_path / "two", "net"), "holds a.pt, b.pt; name the one"),
        ((tmp_path, "net"), "holds no checkpoint"),
        ((run_folder, "sudoku9-mlp"), "is the name of a network that ships"),
        ((run_folder, tmp_path / "net", "--data", tmp_path), "has no dataset.json"),
        ((run_folder, tmp_path / "net", "--config", tmp_path / "no.yaml"), "no.yaml cannot be read"),
    ):
        assert main(["import", *map(str, arguments)]) == 2
        assert sentence in capsys.readouterr().err
