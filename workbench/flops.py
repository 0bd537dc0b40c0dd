"""Floating-point operations of a run, summed over its counted events, in two conventions.

*Published* (arXiv:2606.26488): two operations a MAC of a linear; of the element-wise work only multiplies
and adds: the embedding scale, additions of states, the SwiGLU product, one multiply an element and one
addition (of eps) a row of RMSNorm, two multiplies and one addition an element of RoPE.  Not counted:
SiLU, softmax, mean square and root of RMSNorm, the bias of the halting head, and the two attention
products.  The token head is charged at all T positions, as the public code computes it (prefix
positions are cut off after the head there, before it here).

*With attention* adds two operations a MAC of ``q k^T`` and of ``softmax v``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from refimpl.models.config import ModelConfig
from workbench.counting import CountedStep, Event

ROPE_OPERATIONS = 3


@dataclass(frozen=True)
class Flops:
    """Operations of one ACT step or of one puzzle."""

    published: int
    with_attention: int


def published_flops(event: Event, config: ModelConfig) -> int:
    """Operations of one event in the published convention."""
    counts = event.counts
    if event.op == "embed":
        return prod(event.shape) + counts.adds
    macs = counts.macs
    if event.site == "lm_head":
        macs = macs // config.seq_len * config.positions
    rope = ROPE_OPERATIONS * counts.rope_elements
    return 2 * macs + counts.adds + counts.products + counts.norm_elements + counts.norm_rows + rope


def step_flops(step: CountedStep) -> Flops:
    """Operations of one ACT step of one puzzle, embedding and heads included, as published.

    A whole puzzle is ``halt_max_steps`` times this in the published convention, although the embedding
    is computed once.
    """
    published = sum(published_flops(event, step.config) for event in step.events)
    return Flops(published, published + 2 * sum(e.counts.attention_macs for e in step.events))
