"""Sublayers and blocks, written once against a namespace of operators given as ``ops``.

Post-norm throughout: ``h = rms_norm(h + sublayer(h))``.  A state ``h`` has shape (B, T, hidden); the
MLP token mixer works on its transpose, (B, hidden, T), and normalises over T.  Spec: section 4.
"""

from __future__ import annotations

from refimpl.models.operators import Array, Operators
from refimpl.models.tree import Attention, Block, SwiGLU


def swiglu(ops: Operators, p: SwiGLU, h: Array) -> Array:
    """``rms_norm(h + down(silu(gate(h)) * up(h)))`` over the last axis of ``h``."""
    gate, up = ops.split(ops.linear(ops.quantize(h, p.input), p.gate_up))
    product = ops.multiply(ops.silu(gate, p.silu), up, p.product)
    return ops.rms_norm(ops.add(h, ops.linear(product, p.down)), p.norm)


def attention(ops: Operators, p: Attention, h: Array, heads: int) -> Array:
    """``rms_norm(h + o(softmax(q k^T) v))``; no mask; RoPE on q and k where the model has it."""
    q, k, v = ops.split_heads(ops.linear(ops.quantize(h, p.input), p.qkv), heads)
    if p.rope is not None:
        q, k = ops.rope(q, p.rope), ops.rope(k, p.rope)
    probabilities = ops.softmax(ops.scores(q, k, p.scores), p.softmax)
    mixed = ops.merge_heads(ops.weighted_values(probabilities, v, p.values))
    return ops.rms_norm(ops.add(h, ops.linear(mixed, p.o)), p.norm)


def block(ops: Operators, p: Block, h: Array, heads: int) -> Array:
    """Token mixer, then channel mixer."""
    if isinstance(p.token, Attention):
        h = attention(ops, p.token, h, heads)
    else:
        h = ops.transpose(swiglu(ops, p.token, ops.transpose(h)))
    return swiglu(ops, p.channel, h)


def stack(
    ops: Operators, layers: tuple[Block, ...], z: Array, inject: tuple[Array, ...], heads: int
) -> Array:
    """``f(z, inject) = layers(z + inject)``: one *call*, the unit in which the recursion is counted."""
    h = ops.add(z, *inject)
    for layer in layers:
        h = block(ops, layer, h, heads)
    return h
