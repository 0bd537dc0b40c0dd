"""Plans and models that several planner tests run."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from mcusim.flash import FlashInterface
from mcusim.kernels import Rooms
from mcusim.parts import Part, load_part
from mcusim.planner.choices import AttentionTiles, Choices, Late, MixTiles, OutputTiles, SwiGLUTiles, whole
from mcusim.planner.execute import PlannedRun, execute_plan
from mcusim.planner.plan import Plan, make_plan
from mcusim.planner.target import Target, target_of
from mcusim.program import program_of
from refimpl import fast
from refimpl.formats import Format, parse_carry, parse_format
from refimpl.models.config import ModelConfig
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.networks import find_network

QSPI = FlashInterface(133e6, 4, 1, 12, 4096, "dma")
TOKEN = frozenset({"token"})
BOTH = frozenset({"token", "channel"})


@cache
def integer_model(network: str, weights: str, carry: str, H_cycles: int, steps: int) -> Model:
    """A network lowered to integers at some depth."""
    found = find_network(network)
    lowered = lower(found.float_model, formats(weights, carry), found.calibration)
    return lowered.with_depth(H_cycles, steps)


def tokens_of(config: ModelConfig, seed: int = 0) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(1, config.vocab_size, config.seq_len)


def formats(weights: str, carry: str) -> Format:
    return replace(parse_format(weights), carry=parse_carry(carry))


def laid_out(part: Part | str, image_bytes: int) -> Target:
    """A part with an image and the largest program of its core laid into it."""
    found = load_part(part) if isinstance(part, str) else part
    return target_of(found, image_bytes, program_of(found, "not built", Rooms(512, 512)))


def mlp_choices(config: ModelConfig) -> list[Choices]:
    """Five different corners of the space of an MLP-mixer model."""
    D, T = config.hidden_size, config.positions
    S = SwiGLUTiles
    return [
        whole(config),
        Choices(S(D, 16, 32), S(T, 16, 16)),
        Choices(S(D // 3 + 1, 32, 20), S(7, 64, 3), x_stored=True),
        Choices(S(32, 10, 32), S(T // 2 + 1, 48, 8), resident=TOKEN),
        Choices(S(16, 64, 8), S(T, 100, T), x_stored=True, resident=BOTH, staged=False),
    ]


def attention_choices(config: ModelConfig) -> list[Choices]:
    """Seven different corners of the space of an attention model."""
    D, T, heads = config.hidden_size, config.positions, config.num_heads
    S, A, M, out = SwiGLUTiles, AttentionTiles, MixTiles, OutputTiles
    return [
        whole(config),
        Choices(A(M(1, 32, 16, False, True), out(T // 4, 64, 16)), S(T // 2, 32, 16)),
        Choices(A(M(heads, 20, T, True, False), out(T, D, 31)), S(T, 64, T), x_stored=True),
        Choices(A(M(heads - 1, T, 33, False, False), out(50, 30, 50)), S(41, 48, 8), resident=TOKEN),
        Choices(A(M(2, 50, 64, True, True), out(13, D, 5)), S(T // 3, 100, 40), resident=BOTH, staged=False),
        Choices(A(M(1, 20, 16, False, True), out(T // 4, 64, 16)), S(T // 2, 32, 16),
                late=Late(heads // 3, T // 3)),
        Choices(A(M(1, 8, 5, False, True), out(9, 30, 4)), S(T, 64, T), staged=False, late=Late(1, T // 5)),
    ]


def with_whole_rows(choices: Choices, config: ModelConfig) -> Choices:
    """The same with all hidden units at once, as activations quantized by the row need."""
    token = choices.token
    if isinstance(token, SwiGLUTiles):
        assert config.token_intermediate_size is not None
        token = replace(token, inner=config.token_intermediate_size)
    channel = replace(choices.channel, inner=config.channel_intermediate_size)
    return replace(choices, token=token, channel=channel)


def assert_identical(
    model: Model, weights: str, carry: str, choices: Choices, checked: bool
) -> tuple[Plan, PlannedRun]:
    """Answer, carry and every call's state are the untiled oracle's; the bytes touched are the plan's."""
    tokens = tokens_of(model.config)
    states: list[npt.NDArray[np.int16]] = []
    carry_, outputs = run(fast, model, tokens[None], on_call=lambda call, z: states.append(z[0]))
    plan = make_plan(model.config, formats(weights, carry), choices)
    seen: list[bool] = []
    planned = execute_plan(
        plan, model, tokens, QSPI, every_call_checked=checked,
        on_call=lambda call, z: seen.append(np.array_equal(z, states[call.index])),
    )  # fmt: skip
    assert seen == [True] * len(states)
    np.testing.assert_array_equal(planned.z_H, carry_.z_H[0])
    np.testing.assert_array_equal(planned.z_L, carry_.z_L[0])
    np.testing.assert_array_equal(planned.answer, np.argmax(outputs.logits[0], axis=-1))
    np.testing.assert_array_equal(planned.q, outputs.q[0])
    assert planned.high_water == {"arena": plan.high_water}
    return plan, planned
