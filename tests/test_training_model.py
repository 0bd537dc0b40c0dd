"""Claims: the PyTorch models are the official ones, forward and in where their gradients come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from refimpl import float_ops  # noqa: E402
from refimpl.float_params import build_model  # noqa: E402
from refimpl.models.config import ModelConfig  # noqa: E402
from refimpl.models.recursion import run  # noqa: E402
from training.model import Reasoner  # noqa: E402
from workbench.checkpoints import validate  # noqa: E402
from workbench.model_config import model_config  # noqa: E402

PARITY = Path(__file__).parent / "data" / "parity"


def tiny(family: str = "trm", mlp_t: bool = False, pos: str = "rope") -> ModelConfig:
    return model_config(
        {
            "model": family,
            "seq_len": 9,
            "vocab_size": 5,
            "hidden_size": 16,
            "num_heads": 2,
            "L_layers": 1,
            "H_layers": 1,
            "H_cycles": 2,
            "L_cycles": 2,
            "halt_max_steps": 2,
            "mlp_t": mlp_t,
            "pos_encodings": pos,
            "puzzle_emb_len": 2,
            "channel_intermediate_size": 32,
            "token_intermediate_size": 32,
        }
    )


@pytest.mark.parametrize("case", ["trm_mlp", "trm_att", "trm_att_learned", "hrm"])
def test_every_step_from_the_official_carry_equals_the_official_code_to_1e_4(case: str) -> None:
    # Each step starts from the recorded carry: in a free run the recursion amplifies the order in which
    # a machine adds, the recording one's included (tests/test_parity.py measures it).
    with np.load(PARITY / f"{case}.npz") as stored:
        saved = {key: stored[key] for key in stored.files}
    model = Reasoner(model_config(json.loads(bytes(saved["config_json"]))))
    model.load_state_dict(
        {k.removeprefix("weights/"): torch.tensor(v) for k, v in saved.items() if k.startswith("weights/")}
    )
    x = model.embed(torch.tensor(saved["inputs/inputs"]), torch.tensor(saved["inputs/puzzle_identifiers"]))
    carry = model.initial(len(saved["inputs/inputs"]))
    for step in range(3):
        with torch.no_grad():
            carry, logits, q = model.step(carry, x, model.config.H_cycles, model.config.L_cycles)
        found = {
            "z_H": carry[0].transpose(0, 1),
            "z_L": carry[1].transpose(0, 1),
            "logits": logits,
            "q_halt": q[:, 0],
            "q_continue": q[:, 1],
        }
        for name, value in found.items():
            np.testing.assert_allclose(
                value.numpy(), saved[f"step{step}/{name}"], rtol=0, atol=1e-4, err_msg=f"{case} {step} {name}"
            )
        carry = tuple(torch.tensor(saved[f"step{step}/{z}"]).transpose(0, 1) for z in ("z_H", "z_L"))


@pytest.mark.parametrize(
    ("family", "mlp_t", "pos"),
    [
        ("trm", True, "none"),
        ("trm", False, "rope"),
        ("trm", False, "learned"),
        ("trm", False, "none"),
        ("hrm", False, "rope"),
    ],
)
def test_torch_and_the_numpy_reference_agree(family: str, mlp_t: bool, pos: str) -> None:
    config = tiny(family, mlp_t, pos)
    torch.manual_seed(1)
    model = Reasoner(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))  # so that zero-initialised tensors count too
    tokens = torch.randint(1, 5, (3, 9))
    tensors = {k: v.numpy() for k, v in model.state_dict().items()}
    validate(tensors, config)
    carry, outputs = run(float_ops, build_model(config, tensors, np.float64), tokens.numpy())
    x, ours = model.embed(tokens), model.initial(3)
    with torch.no_grad():
        for _ in range(config.halt_max_steps):
            ours, logits, q = model.step(ours, x, 2, 2)
    for found, expected in (
        (ours[0].transpose(0, 1), carry.z_H),
        (ours[1].transpose(0, 1), carry.z_L),
        (logits, outputs.logits),
        (q, outputs.q),
    ):
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-4)


def test_only_the_last_cycle_of_a_trm_keeps_a_gradient() -> None:
    torch.manual_seed(0)
    model = Reasoner(tiny())
    z_H = torch.randn(11, 1, 16, requires_grad=True)
    z_L = torch.randn(11, 1, 16, requires_grad=True)
    x = model.embed(torch.randint(1, 5, (1, 9)))
    model.step((z_H, z_L), x.detach(), H=2, L=2)[1].sum().backward()
    assert z_H.grad is None
    assert z_L.grad is None
    model.step((z_H, z_L), x, H=1, L=2)[1].sum().backward()
    assert float(z_H.grad.abs().sum()) > 0
    assert float(z_L.grad.abs().sum()) > 0


def test_an_hrm_has_a_one_step_gradient() -> None:
    torch.manual_seed(0)
    model = Reasoner(tiny("hrm"))
    x = model.embed(torch.randint(1, 5, (1, 9)))
    z_H, z_L = model.initial(1)
    with torch.no_grad():
        before = model.inner.L_level(z_L, z_H + x, model.rope)
    before.requires_grad_()
    upper_input = model.inner.L_level(before, z_H + x, model.rope)
    expected = model.inner.H_level(z_H, upper_input, model.rope)
    carry, _, _ = model.step((z_H, z_L), x, H=1, L=2)
    torch.testing.assert_close(carry[0], expected)
    weight = model.inner.L_level.layers[0].mlp.down_proj.weight
    by_hand = torch.autograd.grad(expected.square().sum() + expected.sum(), weight)[0]
    found = torch.autograd.grad(carry[0].square().sum() + carry[0].sum(), weight)[0]
    torch.testing.assert_close(found, by_hand)


def test_cycles_and_steps_only_count_as_their_product() -> None:
    torch.manual_seed(0)
    model = Reasoner(tiny(mlp_t=True, pos="none"))
    x = model.embed(torch.randint(1, 5, (3, 9)))
    deep, wide = model.initial(3), model.initial(3)
    with torch.no_grad():
        for _ in range(2):
            deep = model.advance(deep, x, 2, 2)
        for _ in range(4):
            wide = model.advance(wide, x, 1, 2)
    assert torch.equal(deep[0], wide[0])
    assert torch.equal(deep[1], wide[1])


def test_learned_positions_start_as_sums_of_long_vectors_and_keys_as_queries() -> None:
    torch.manual_seed(0)
    model = Reasoner(tiny(pos="learned"))
    groups = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 2, 0, 1, 2, 0, 1, 2]])
    model.inner.start_positions(groups)
    rows = model.inner.embed_pos["embedding_weight"].detach()
    # A difference of two cells of one row does not depend on the row.
    torch.testing.assert_close(rows[3] - rows[4], rows[9] - rows[10])
    torch.testing.assert_close(rows[0], rows[2])
    token = model.inner.embed_tokens["embedding_weight"].detach()
    assert float(rows.norm(dim=1).mean() / token.norm(dim=1).mean()) > 3
    weight = model.inner.L_level.layers[0].self_attn.qkv_proj.weight
    assert torch.equal(weight[16:32], weight[:16])
    assert not torch.equal(weight[32:], weight[:16])
