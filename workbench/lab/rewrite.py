"""Replace the linears of a tree, keeping what is shared shared (a TRM's one stack stays one)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from refimpl import float_params
from refimpl.models.tree import Attention, Block, Model, SwiGLU

LinearRule = Callable[[float_params.Linear], float_params.Linear]


def map_linears(model: Model, rule: LinearRule) -> Model:
    """Return ``model`` with ``rule`` applied to each linear of its stacks and heads."""

    def swiglu(p: SwiGLU) -> SwiGLU:
        return replace(p, gate_up=rule(p.gate_up), down=rule(p.down))

    def mixer(p: SwiGLU | Attention) -> SwiGLU | Attention:
        return replace(p, qkv=rule(p.qkv), o=rule(p.o)) if isinstance(p, Attention) else swiglu(p)

    def level(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(Block(mixer(block.token), swiglu(block.channel)) for block in blocks)

    L_level = level(model.L_level)
    return replace(
        model,
        L_level=L_level,
        H_level=L_level if model.H_level is model.L_level else level(model.H_level),
        lm_head=replace(model.lm_head, linear=rule(model.lm_head.linear)),
        q_head=replace(model.q_head, linear=rule(model.q_head.linear)),
    )


def linears(model: Model) -> tuple[float_params.Linear, ...]:
    """Every linear once, in stored order, heads last."""
    found: list[float_params.Linear] = []

    def note(p: float_params.Linear) -> float_params.Linear:
        found.append(p)
        return p

    map_linears(model, note)
    return tuple(found)
