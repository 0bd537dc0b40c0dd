"""The float reading agrees with an independent PyTorch transcription, for any shape and depth.

In float64 a whole run agrees: there is no rounding worth speaking of, so nothing hides a difference of
definition.  In float32, what the official code computes in, every call agrees to 1e-4 when it starts from
the witness's state (random weights amplify rounding from call to call, the official code's own included;
``test_parity.py`` measures that on recorded runs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from compare import assert_within
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch_witness import State, Witness  # noqa: E402

from refimpl import float_ops  # noqa: E402
from refimpl.float_params import build_model  # noqa: E402
from refimpl.models.blocks import stack  # noqa: E402
from refimpl.models.config import ModelConfig  # noqa: E402
from refimpl.models.recursion import run  # noqa: E402
from workbench.checkpoints import validate  # noqa: E402
from workbench.checkpoints.expected import expected_tensors  # noqa: E402

TOLERANCE = 1e-4
BATCH = 2


@st.composite
def configurations(draw: st.DrawFn) -> ModelConfig:
    """Any family, mixer, position code, size, depth, prefix and pair of stack heights."""
    family = draw(st.sampled_from(["trm", "hrm"]))
    mlp_t = draw(st.booleans())
    heads = draw(st.integers(1, 4))
    return ModelConfig(
        family=family,
        seq_len=draw(st.integers(1, 14)),
        vocab_size=draw(st.integers(2, 13)),
        hidden_size=heads * 2 * draw(st.integers(1, 8)),
        num_heads=heads,
        L_layers=draw(st.integers(1, 3)),
        H_layers=draw(st.integers(1, 3)) if family == "hrm" else 0,
        H_cycles=draw(st.integers(1, 3)),
        L_cycles=draw(st.integers(1, 3)),
        halt_max_steps=draw(st.integers(1, 3)),
        mlp_t=mlp_t,
        pos_encodings="none" if mlp_t else draw(st.sampled_from(["none", "rope", "learned"])),
        puzzle_emb_len=draw(st.integers(0, 4)),
        channel_intermediate_size=draw(st.integers(1, 40)),
        token_intermediate_size=draw(st.integers(1, 40)) if mlp_t else None,
        num_puzzle_identifiers=draw(st.integers(1, 5)),
    )


UNEQUAL_HRM = ModelConfig(
    family="hrm", seq_len=7, vocab_size=5, hidden_size=24, num_heads=3, L_layers=1, H_layers=3, H_cycles=3,
    L_cycles=2, halt_max_steps=2, mlp_t=False, pos_encodings="rope", puzzle_emb_len=3,
    channel_intermediate_size=33, num_puzzle_identifiers=4,
)  # fmt: skip
LEARNED_HRM = replace(UNEQUAL_HRM, L_layers=3, H_layers=1, pos_encodings="learned", puzzle_emb_len=0)
MLP_TRM = replace(
    UNEQUAL_HRM, family="trm", L_layers=2, H_layers=0, mlp_t=True, pos_encodings="none",
    token_intermediate_size=21,
)  # fmt: skip

any_size = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Products this small only wait for one another on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn_tensors(config: ModelConfig, seed: int) -> dict[str, np.ndarray]:
    """Normal weights of the size that keeps activations near 1; nothing is left at zero."""
    rng = np.random.default_rng(seed)
    shapes = expected_tensors(config)
    return {
        name: (rng.standard_normal(shape) * (shape[-1] ** -0.5 if len(shape) == 2 else 1)).astype(np.float32)
        for name, shape in shapes.items()
    }


def set_up(config: ModelConfig, seed: int) -> tuple[Witness, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    tensors = drawn_tensors(config, seed)
    validate(tensors, config)
    rng = np.random.default_rng(seed + 1)
    tokens = rng.integers(0, config.vocab_size, (BATCH, config.seq_len))
    ids = rng.integers(0, config.num_puzzle_identifiers, BATCH)
    return Witness(config, {n: torch.from_numpy(t) for n, t in tensors.items()}), tensors, tokens, ids


def witnessed_states(witness: Witness, tokens: np.ndarray, ids: np.ndarray) -> list[State]:
    """The state at reset and after every call."""
    x = witness.embed(torch.from_numpy(tokens), torch.from_numpy(ids))
    states = [witness.reset(len(tokens))]
    for _ in range(witness.config.halt_max_steps):
        states += witness.act_step(states[-1], x)
    return states


def assert_same_run(config: ModelConfig, seed: int) -> None:
    witness, tensors, tokens, ids = set_up(config, seed)
    states = witnessed_states(witness, tokens, ids)
    found: list[np.ndarray] = []
    model = build_model(config, tensors, np.float64)
    carry, outputs = run(float_ops, model, tokens, ids, on_call=lambda call, z: found.append(z))
    per_cycle = config.L_cycles + 1
    assert len(found) == len(states) - 1
    for i, (z, (z_H, z_L)) in enumerate(zip(found, states[1:], strict=True)):
        assert_within(z, z_H if i % per_cycle == config.L_cycles else z_L, TOLERANCE)
    logits, q = witness.heads(states[-1][0])
    assert_within(carry.z_H, states[-1][0], TOLERANCE)
    assert_within(carry.z_L, states[-1][1], TOLERANCE)
    assert_within(outputs.logits, logits, TOLERANCE)
    assert_within(outputs.q, q, TOLERANCE)


@any_size
@given(config=configurations(), seed=st.integers(0, 2**16))
@example(config=UNEQUAL_HRM, seed=3)
@example(config=LEARNED_HRM, seed=4)
@example(config=MLP_TRM, seed=5)
def test_a_whole_float64_run_agrees(config: ModelConfig, seed: int) -> None:
    assert_same_run(config, seed)


@any_size
@given(config=configurations(), seed=st.integers(0, 2**16))
@example(config=UNEQUAL_HRM, seed=3)
@example(config=LEARNED_HRM, seed=4)
@example(config=MLP_TRM, seed=5)
def test_every_float32_call_agrees(config: ModelConfig, seed: int) -> None:
    witness, tensors, tokens, ids = set_up(config, seed)
    model = build_model(config, tensors, np.float32)
    x = float_ops.embed(tokens, ids, model.embedding)
    assert x.dtype == np.float32
    assert_within(x, witness.embed(torch.from_numpy(tokens), torch.from_numpy(ids)), TOLERANCE)
    states = [tuple(s.numpy() for s in state) for state in witnessed_states(witness, tokens, ids)]
    per_cycle = config.L_cycles + 1
    for i, ((z_H, z_L), after) in enumerate(pairwise(states)):
        h, low = z_H.astype(np.float32), z_L.astype(np.float32)
        if i % per_cycle == config.L_cycles:
            assert_within(stack(float_ops, model.H_level, h, (low,), config.num_heads), after[0], TOLERANCE)
        else:
            assert_within(stack(float_ops, model.L_level, low, (h, x), config.num_heads), after[1], TOLERANCE)


@pytest.mark.parametrize("key", [
    "H_level.layers.2.mlp.gate_up_proj.weight", "L_level.layers.0.self_attn.qkv_proj.weight", "q_head.bias",
])  # fmt: skip
def test_a_wrong_definition_would_be_noticed(key: str) -> None:
    """Rolling the rows of one tensor (gate for up, q for v, halt for continue) breaks the agreement."""
    witness, tensors, tokens, ids = set_up(UNEQUAL_HRM, 3)
    half = len(tensors[f"inner.{key}"]) // 2
    tensors[f"inner.{key}"] = np.roll(tensors[f"inner.{key}"], half, axis=0)
    _, outputs = run(float_ops, build_model(UNEQUAL_HRM, tensors, np.float64), tokens, ids)
    logits, q = witness.heads(witnessed_states(witness, tokens, ids)[-1][0])
    worst = max(np.abs(outputs.logits - logits.numpy()).max(), np.abs(outputs.q - q.numpy()).max())
    assert worst > 100 * TOLERANCE
