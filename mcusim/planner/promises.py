"""Kernel calls that can be done again: what makes one recorded call of the schedule serve for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl import fast
from refimpl.block_params import BlockLinear
from refimpl.fast.block_linear import prepared
from refimpl.fast.exact_gemm import exact_product, linear_accumulate
from refimpl.fixedpoint import clamp
from refimpl.models.operators import Array
from refimpl.ops.block_linear import requantize_wide
from refimpl.params import Linear


@dataclass(frozen=True, eq=False)
class Promise:
    """``function(*args)``, computed each time it is asked for; args may be promises themselves."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    nested: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nested", any(type(a) is Promise for a in self.args))

    def __call__(self) -> Any:
        if not self.nested:
            return self.function(*self.args)
        return self.function(*[a() if type(a) is Promise else a for a in self.args])


class PromisedOps:
    """:mod:`refimpl.fast` with promises for results; rearrangements of views stay immediate."""

    def __init__(self, linear: Callable[[Array, Linear], Promise]) -> None:
        self.linear = linear
        for name in ("add", "argmax", "multiply", "quantize", "rope", "scores", "silu", "softmax",
                     "weighted_values"):  # fmt: skip
            setattr(self, name, self._promise(getattr(fast, name)))
        self.split = fast.split

    @staticmethod
    def _promise(function: Callable[..., Any]) -> Callable[..., Promise]:
        return lambda *args: Promise(function, args)


def store(view: Array, value: Promise) -> None:
    view[...] = value()


def accumulate(sums: Array, a: Array, leaf: Linear | BlockLinear) -> None:
    sums += _sums(a, leaf)


def set_accumulators(sums: Array, a: Array, leaf: Linear | BlockLinear) -> None:
    sums[...] = _sums(a, leaf)


def _sums(a: Array, leaf: Linear | BlockLinear) -> Array:
    if isinstance(leaf, BlockLinear):
        return exact_product(a, *prepared(leaf))
    return linear_accumulate(a, leaf)


def block_outputs(sums: Array, leaf: BlockLinear) -> Array:
    """The int32 outputs of OP-BLOCK-LINEAR from the sums of static activations."""
    wide = (values.astype(np.int64) for values in (sums, leaf.multiplier, leaf.shift))
    y = requantize_wide(*wide)
    return clamp(y if leaf.bias is None else y + leaf.bias, 32)
