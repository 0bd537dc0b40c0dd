"""Block formats emulated on floats: a scale for some neighbours of the last axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from refimpl.block_params import MX_BLOCK, MX_CODE_MAX
from refimpl.float_params import Floats
from refimpl.formats.mx import mx_exponents


@dataclass(frozen=True)
class Blocks:
    """A block format: ``block`` values of the last axis share a scale, codes end at ``qmax``; the scale is a
    power of two (MX) or exactly absmax / qmax."""

    block: int = MX_BLOCK
    qmax: int = MX_CODE_MAX
    exact_scale: bool = False

    def __call__(self, values: Floats) -> Floats:
        """``values`` rounded half to even and back; a last block may be shorter."""
        inner = values.shape[-1]
        count = -(-inner // self.block)
        padded = np.zeros((*values.shape[:-1], count * self.block), values.dtype)
        padded[..., :inner] = values
        blocks = padded.reshape(*values.shape[:-1], count, self.block)
        absmax = np.abs(blocks).max(axis=-1, keepdims=True).astype(np.float64)
        scale = np.ldexp(1.0, mx_exponents(absmax * MX_CODE_MAX / self.qmax))
        if self.exact_scale:
            scale = np.where(absmax > 0, absmax / self.qmax, 1.0)
        scale = scale.astype(values.dtype)
        codes = np.clip(np.rint(blocks / scale), -self.qmax, self.qmax)
        return np.asarray((codes * scale).reshape(padded.shape)[..., :inner])


MX = Blocks()
